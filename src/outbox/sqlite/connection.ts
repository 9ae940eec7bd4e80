/** Opens the file of the SQLite outbox: the pragmas durability rests on, the checks. */
import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Logger } from "../../event/logger.ts";
import type { Database } from "./driver.ts";
import { loadDriver } from "./drivers.ts";
import { toWebhookError } from "./errors.ts";
import { checkIntegrity, migrate } from "./schema.ts";

/** How long SQLite itself may block the event loop on another process's lock; beyond it we wait without blocking. */
const busyTimeoutMs = 5;
/** The same where there is no other way: while opening, and in `putSync`. */
const patientTimeoutMs = 3000;
/** A larger file is not read from end to end at every start: that would take longer than a takeover may. */
const maxCheckedBytes = 256 * 1024 * 1024;

/** Throws DEPENDENCY_MISSING, OUTBOX_UNAVAILABLE or OUTBOX_INVALID. */
export function openDatabase(path: string, logger: Logger): Database {
  const fileName = basename(path);
  const open = loadDriver();
  let database: Database | undefined;
  try {
    createPrivately(path);
    keepPrivate(path, logger);
    database = open(path, { timeout: patientTimeoutMs });
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = OFF");
    database.pragma("cache_size = -8000");
    database.pragma("journal_size_limit = 67108864");
    if (statSync(path).size <= maxCheckedBytes) checkIntegrity(database, fileName);
    migrate(database, fileName);
    setBusyTimeout(database, busyTimeoutMs);
    return database;
  } catch (error) {
    database?.close();
    throw toWebhookError(error, path);
  }
}

function setBusyTimeout(database: Database, timeoutMs: number): void {
  database.pragma(`busy_timeout = ${timeoutMs}`);
}

/** Runs something that may block on another process's lock for longer than usual. */
export function patiently<Result>(database: Database, run: () => Result): Result {
  setBusyTimeout(database, patientTimeoutMs);
  try {
    return run();
  } finally {
    if (database.open) setBusyTimeout(database, busyTimeoutMs);
  }
}

/** Bodies are private: nobody else may read the file. SQLite gives its companions the mode of the file. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, "ax", 0o600));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    const found = statSync(path, { throwIfNoEntry: false });
    // A link to a file that is not there yet. One that is must not be opened here: closing it would end SQLite's locks.
    if (found === undefined) closeSync(openSync(path, "a", 0o600));
    // SQLite says of a directory only that it cannot be opened.
    if (found?.isDirectory() === true)
      throw Object.assign(new Error(path, { cause: error }), { code: "EISDIR" });
  }
}

/** An empty file that others may read becomes private; of one that was in use before, its owner is warned. */
function keepPrivate(path: string, logger: Logger): void {
  const { mode, size } = statSync(path);
  if (process.platform === "win32" || (mode & 0o077) === 0) return;
  try {
    if (size === 0) return chmodSync(path, 0o600);
  } catch {
    // It belongs to another user.
  }
  const others = (mode & 0o777).toString(8).padStart(4, "0");
  logger.warn({ file: path, mode: others }, "other users may open the SQLite outbox; `chmod 600` it");
}
