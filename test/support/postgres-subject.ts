/** A Postgres outbox's store for tests: the server on this machine, in a schema of its own that is dropped at the end. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Outbox } from "../../src/outbox/outbox.ts";
import type { PostgresOutboxOptions } from "../../src/outbox/postgres/options.ts";
import { PostgresOutbox } from "../../src/outbox/postgres/postgres-outbox.ts";
import { PostgresSession } from "../../src/outbox/postgres/session.ts";
import type { OutboxSubject } from "../../src/testing/outbox-suite.ts";

export const postgresUrl = process.env.POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/test";

/** Why tests that need Postgres cannot run here; undefined where they can. */
export async function reasonWithoutPostgres(): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: postgresUrl, connectionTimeoutMillis: 5000 });
  try {
    await client.connect();
    return undefined;
  } catch {
    return "no Postgres answers on 127.0.0.1:5432";
  } finally {
    await client.end().catch(() => undefined);
  }
}

export interface PostgresSubject extends OutboxSubject {
  readonly schema: string;
  /** Runs SQL beside the outboxes. */
  query(text: string, values?: unknown[]): Promise<readonly Record<string, unknown>[]>;
  open(more?: PostgresOutboxOptions): Promise<PostgresOutbox>;
  /** Closes every outbox and drops the schema. */
  end(): Promise<void>;
}

/** Leases go by the server's clock, so that time passes for real here. */
export function postgresSubject(leaseMs = 2000, url = postgresUrl): PostgresSubject {
  const schema = `mova-test "${randomUUID()}`.slice(0, 63);
  const pool = new pg.Pool({ connectionString: url, max: 2, allowExitOnIdle: true });
  pool.on("error", () => undefined);
  const stops = new Map<Outbox, (() => void)[]>();

  async function open(more: PostgresOutboxOptions = {}): Promise<PostgresOutbox> {
    const own: (() => void)[] = [];
    const { maxDeliveries, ...rest } = more;
    const session = new PostgresSession(
      { connectionString: url, schema, leaseMs, ...rest },
      (intervalMs, task) => {
        const timer = setInterval(task, intervalMs);
        const stop = () => clearInterval(timer);
        own.push(stop);
        return stop;
      },
    );
    const outbox = new PostgresOutbox(session, maxDeliveries);
    stops.set(outbox, own);
    // Making the tables takes time that no case means to give.
    if (more.connectionString === undefined) await outbox.ping();
    return outbox;
  }

  return {
    schema,
    query: async (text, values) => (await pool.query<Record<string, unknown>>(text, values)).rows,
    open,
    openBounded: (maxDeliveries) => open({ maxDeliveries }),
    now: Date.now,
    advance: (ms) => sleep(ms),
    async crash(outbox) {
      for (const stop of stops.get(outbox) ?? []) stop();
    },
    async end() {
      for (const outbox of stops.keys()) await outbox.close();
      await pool.query(`DROP SCHEMA IF EXISTS "${schema.replaceAll('"', '""')}" CASCADE`);
      await pool.end();
    },
  };
}
