/** The outbox for several machines that keeps its deliveries in a PostgreSQL database. */
/// <reference types="node" preserve="true" />
import { check } from "../../settings/check.ts";
import type { Outbox } from "../outbox.ts";
import { everyInterval } from "../ticker.ts";
import { postgresOptions, type PostgresOutboxOptions } from "./options.ts";
import { PostgresOutbox } from "./postgres-outbox.ts";
import { PostgresSession } from "./session.ts";

export type { PostgresOutboxOptions } from "./options.ts";
export {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPrisma,
  fromTypeOrm,
  type JoinedTransaction,
} from "./from-libraries.ts";

/**
 * Keeps deliveries in PostgreSQL 14 or later, in tables of a schema of their own that are made on first use. Needs the
 * package `pg`. Throws CONFIG_INVALID.
 *
 * What holds across machines: an event id is stored once; a delivery has one holder at a time; `rateLimit` and
 * `concurrency` of an endpoint, and the order of a key; retries, dead letters, search, replay and the states of
 * endpoints. What is due is told by each machine's own clock, leases and rates by the server's.
 *
 * What it keeps is what the server's `fsync` and `synchronous_commit` promise. Prepared statements, session state and
 * `LISTEN` are not used, so that a pooler by transaction may stand between.
 */
export function postgresOutbox(options: PostgresOutboxOptions): Outbox {
  const { maxDeliveries, ...rest } = check("postgresOutbox()", postgresOptions, options);
  return new PostgresOutbox(new PostgresSession(rest, everyInterval), maxDeliveries);
}
