/** Folders for tests, which are removed when all tests of the file have ended. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const made: string[] = [];

// Registered before the hooks of whoever imports this, so that it runs after them: what is in a folder is closed by then.
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** Makes an empty folder; it begins with `prefix` where it must be inside another, such as `node_modules`. */
export function temporaryFolder(prefix = join(tmpdir(), "mova-webhooks-")): string {
  const folder = mkdtempSync(prefix);
  made.push(folder);
  return folder;
}
