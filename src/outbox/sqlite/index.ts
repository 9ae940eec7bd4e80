/** The outbox of one machine: a SQLite file that survives kill -9 and power loss. Published as `mova-webhooks/outbox/sqlite`. */
import type { Outbox } from "../outbox.ts";
import { everyInterval } from "../ticker.ts";
import { SqliteOutbox } from "./sqlite-outbox.ts";
import type { SqliteOutboxOptions } from "./sqlite-outbox.ts";

export type { SqliteOutboxOptions } from "./sqlite-outbox.ts";

/**
 * Stores in a file that several processes of this machine may share. It is opened at the first use, which rejects with
 * DEPENDENCY_MISSING without `better-sqlite3`, OUTBOX_INVALID for a file that is no outbox, OUTBOX_UNAVAILABLE otherwise.
 */
export function sqliteOutbox(options: SqliteOutboxOptions): Outbox {
  return new SqliteOutbox(options, everyInterval);
}
