/** Turns what SQLite and the file system say into the typed errors of the outbox contract. */
import { basename, dirname } from "node:path";
import { WebhookError } from "../../event/errors.ts";

/** What a failure means for the others in its transaction and for the connection. */
export type FailureKind = "busy" | "full" | "store" | "statement";

const unavailable: ReadonlyMap<string, string> = new Map([
  ["SQLITE_FULL", "cannot grow: the disk is full"],
  ["SQLITE_READONLY", "is read-only"],
  ["SQLITE_CANTOPEN", "cannot be opened"],
  ["SQLITE_IOERR", "failed to read or write"],
  ["SQLITE_BUSY", "is locked by another process"],
  ["SQLITE_LOCKED", "is locked"],
  ["SQLITE_PERM", "may not be opened"],
  ["SQLITE_NOMEM", "ran out of memory"],
  ["ENOENT", "cannot be created: there is no directory"],
  ["EACCES", "may not be opened"],
  ["EPERM", "may not be opened"],
  ["EROFS", "is on a read-only file system"],
  ["EISDIR", "is a directory, not a file"],
  ["ENOSPC", "cannot be created: the disk is full"],
  ["ENOTDIR", "cannot be created: a file is in the place of its directory"],
]);

const mayWrite =
  "Let this user write to the file and its directory, or set the path of the outbox to another file.";

/** Errors of the path itself: they name it, and have a remedy other than that of OUTBOX_UNAVAILABLE. */
const pathRemedies: ReadonlyMap<string, string> = new Map([
  ["SQLITE_READONLY", mayWrite],
  ["SQLITE_CANTOPEN", mayWrite],
  ["SQLITE_PERM", mayWrite],
  ["ENOENT", "Create the directory, or correct the path of the outbox."],
  ["EACCES", mayWrite],
  ["EPERM", mayWrite],
  ["EROFS", "Set the path of the outbox to a file on a disk that can be written."],
  ["EISDIR", "Set the path of the outbox to a file; it is created where there is none."],
  ["ENOTDIR", "Correct the path of the outbox."],
]);

const invalid: ReadonlyMap<string, string> = new Map([
  ["SQLITE_CORRUPT", "is damaged"],
  ["SQLITE_NOTADB", "is not a database"],
]);

function primaryCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code;
}

/** The disk has no room for the file, its log, or the index of that. */
export function isForWantOfRoom(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE" || code === "ENOSPC";
}

export function kindOfFailure(error: unknown): FailureKind {
  const code = primaryCode(error);
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") return "busy";
  if (isForWantOfRoom(error)) return "full";
  return unavailable.has(code) || invalid.has(code) ? "store" : "statement";
}

/** Names the file only, except where its path is what is wrong. */
export function toWebhookError(error: unknown, path: string): WebhookError {
  if (error instanceof WebhookError) return error;
  const code = primaryCode(error);
  const damage = invalid.get(code);
  if (damage !== undefined) {
    return new WebhookError("OUTBOX_INVALID", `The SQLite outbox ${basename(path)} ${damage}`, {
      cause: error,
    });
  }
  const detail = unavailable.get(code) ?? `failed${code === "" ? "" : ` with ${code}`}`;
  const remedy = pathRemedies.get(code);
  if (remedy === undefined) {
    return new WebhookError("OUTBOX_UNAVAILABLE", `The SQLite outbox ${basename(path)} ${detail}`, {
      cause: error,
    });
  }
  const missing = code === "ENOENT" ? ` ${dirname(path)}` : "";
  return new WebhookError("OUTBOX_UNAVAILABLE", `The SQLite outbox ${path} ${detail}${missing}`, {
    cause: error,
    remedy,
  });
}
