/** Folders that are gone after the test that made them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const made: string[] = [];

// Registered before the hooks of whoever imports this, so that it runs after them: what is in a folder is closed first.
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Makes an empty folder that is removed after the test, with all that is in it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-"));
  made.push(folder);
  return folder;
}
