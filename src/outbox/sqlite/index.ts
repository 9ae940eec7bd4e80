/** The outbox of one machine: a SQLite file that survives kill -9 and power loss. Published as `mova-webhooks/outbox/sqlite`. */
/// <reference types="node" preserve="true" />
import { check } from "../../settings/check.ts";
import type { Outbox } from "../outbox.ts";
import { ThreadedOutbox } from "./threaded-outbox.ts";
import { sqliteOptions, type SqliteOutboxOptions } from "./options.ts";

export type { SqliteOutboxOptions } from "./options.ts";

/**
 * Stores in a file that several processes of this machine may share. It is opened at the first use, which rejects with
 * DEPENDENCY_MISSING without `better-sqlite3`, OUTBOX_INVALID for a file that is no outbox, OUTBOX_UNAVAILABLE otherwise.
 * Throws CONFIG_INVALID for an option that is unknown or wrong.
 */
export function sqliteOutbox(options: SqliteOutboxOptions): Outbox {
  return new ThreadedOutbox(check("sqliteOutbox()", sqliteOptions, options));
}
