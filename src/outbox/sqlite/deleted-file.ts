/** A file that was deleted while it is open: all of it is still there for whoever has it open, and is written back. */
import { closeSync, fsyncSync, linkSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Database } from "./driver.ts";

/** A process that writes a file back and dies leaves its unfinished copy for so long. */
const abandonedMs = 60_000;

/** Tells whether no name leads to an open file any more. Known on Linux only; elsewhere it may have been moved as well. */
export function isDeleted(inode: bigint): boolean {
  try {
    return readdirSync("/proc/self/fd").some((name) => {
      const found = statSync(`/proc/self/fd/${name}`, { bigint: true, throwIfNoEntry: false });
      return found?.ino === inode && found.nlink === 0n;
    });
  } catch {
    return false;
  }
}

/**
 * Writes a deleted file back under its name, in one step, so that nobody opens half of it. Returns false where another
 * process is about to. Throws what SQLite or the file system says.
 */
export function writeBack(database: Database, path: string): boolean {
  const copy = `${path}.restoring`;
  if (!createAlone(copy)) return false;
  try {
    database.prepare("VACUUM INTO ?").run(copy);
    sync(copy);
    // They belong to the file that is gone: with another one they would be taken for its own.
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
    linkSync(copy, path);
    sync(dirname(path));
    return true;
  } finally {
    rmSync(copy, { force: true });
  }
}

/** Of several processes that miss the same file, one gets to create the copy. */
function createAlone(path: string): boolean {
  try {
    closeSync(openSync(path, "wx", 0o600));
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
    // By the clock of the disk that both have.
    if (Date.now() - mtimeMs > abandonedMs) rmSync(path, { force: true });
    return false;
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
