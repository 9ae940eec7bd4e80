/** Turns what SQLite and the file system say into the typed errors of the outbox contract. */
import { WebhookError } from "../event/errors.ts";

/** What a failure means for the others in its transaction and for the connection. */
export type FailureKind = "busy" | "store" | "statement";

const unavailable: ReadonlyMap<string, string> = new Map([
  ["SQLITE_FULL", "cannot grow: the disk is full"],
  ["SQLITE_READONLY", "is read-only"],
  ["SQLITE_CANTOPEN", "cannot be opened"],
  ["SQLITE_IOERR", "failed to read or write"],
  ["SQLITE_BUSY", "is locked by another process"],
  ["SQLITE_LOCKED", "is locked"],
  ["SQLITE_PERM", "may not be opened"],
  ["SQLITE_NOMEM", "ran out of memory"],
  ["ENOENT", "cannot be created: its directory does not exist"],
  ["EACCES", "may not be opened"],
  ["EPERM", "may not be opened"],
  ["EROFS", "is on a read-only file system"],
  ["EISDIR", "is a directory"],
  ["ENOSPC", "cannot be created: the disk is full"],
  ["ENOTDIR", "cannot be created: its directory is a file"],
]);

/** Where another remedy helps than that of OUTBOX_UNAVAILABLE. */
const remedies: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "Create the directory, or correct the path of the outbox."],
]);

const invalid: ReadonlyMap<string, string> = new Map([
  ["SQLITE_CORRUPT", "is damaged"],
  ["SQLITE_NOTADB", "is not a database"],
]);

function primaryCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code;
}

export function kindOfFailure(error: unknown): FailureKind {
  const code = primaryCode(error);
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") return "busy";
  return unavailable.has(code) || invalid.has(code) ? "store" : "statement";
}

/** The name stands in the message instead of the path. */
export function toWebhookError(error: unknown, fileName: string): WebhookError {
  if (error instanceof WebhookError) return error;
  const code = primaryCode(error);
  const damage = invalid.get(code);
  if (damage !== undefined) {
    return new WebhookError("OUTBOX_INVALID", `The SQLite outbox ${fileName} ${damage}`, { cause: error });
  }
  const detail = unavailable.get(code) ?? `failed${code === "" ? "" : ` with ${code}`}`;
  const remedy = remedies.get(code);
  return new WebhookError("OUTBOX_UNAVAILABLE", `The SQLite outbox ${fileName} ${detail}`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
