/** What a Postgres outbox may be given, checked before anything connects. */
import type { Pool } from "pg";
import type { Logger } from "../../event/logger.ts";
import { object } from "../../settings/composed.ts";
import { number, text, whole, withMethods } from "../../settings/kinds.ts";
import { logger, now } from "../../settings/surroundings.ts";

/** Either `connectionString` or `pool`. */
export interface PostgresOutboxOptions {
  /** `postgres://[user[:password]@]host[:port]/database`, with `?sslmode=…` and whatever else `pg` reads. */
  readonly connectionString?: string;
  /** A pool of `pg` of the program's own. It is used, and never ended. */
  readonly pool?: Pool;
  /** Where the tables are. Outboxes that share a database but no deliveries need different ones. @default "mova_webhooks" */
  readonly schema?: string;
  /** Deliveries that may wait, be under way or be dead at a time; beyond, `put` rejects with OUTBOX_FULL. @default no limit */
  readonly maxDeliveries?: number;
  /** How long after the death of its holder a claim may stay out of reach. @default 10000 */
  readonly leaseMs?: number;
  /** Hears of connections that were lost. */
  readonly logger?: Logger;
  /** Tells what is due, in Unix milliseconds; leases and rates go by the server's clock. @default Date.now */
  readonly now?: () => number;
}

/** What a configuration may give. */
export interface PostgresChoice extends Pick<PostgresOutboxOptions, "schema" | "maxDeliveries"> {
  readonly url: string;
}

export const postgresUrl = {
  expected: "a URL that starts with postgres:// or postgresql://",
  pattern: /^postgres(?:ql)?:\/\//,
};

export const defaultSchema = "mova_webhooks";

const shared = {
  schema: { ...text("the name of a schema", { pattern: /^[^\0]{1,63}$/ }), default: defaultSchema },
  maxDeliveries: whole(1, 1_000_000_000),
};

export const postgresChoice = object<PostgresChoice>({
  url: { ...text(postgresUrl.expected, postgresUrl), required: true },
  ...shared,
});

export const postgresOptions = object<PostgresOutboxOptions>(
  {
    connectionString: text(postgresUrl.expected, postgresUrl),
    pool: withMethods<Pool>("a pool of the package pg", ["connect", "query"]),
    ...shared,
    leaseMs: { ...number(500, 3_600_000), default: 10_000 },
    logger,
    now,
  },
  {
    together: ({ connectionString, pool }) =>
      (connectionString === undefined) === (pool === undefined)
        ? {
            path: ["connectionString"],
            kind: "missing",
            expected: "given, or else `pool`",
            got: connectionString === undefined ? "neither" : "both",
          }
        : undefined,
  },
);
