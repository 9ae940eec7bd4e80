/** The way of one event through the house stays short enough to be read in one go. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const walk = fileURLToPath(new URL("../walk/walk.mjs", import.meta.url));

it("one event, from the instrumented call to settled, runs through 40 files at most", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [walk]);
  const [, files] = /^One event runs through (\d+) files and \d+ functions\.$/m.exec(stdout) ?? [];
  expect(Number(files)).toBeGreaterThan(20);
  expect(Number(files)).toBeLessThanOrEqual(40);
});
