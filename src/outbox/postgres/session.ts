/** The outbox's connections to Postgres: a pool, the tables behind it, and this process's lease, which is renewed. */
import type { Pool, PoolClient, PoolConfig } from "pg";
import { WebhookError } from "../../event/errors.ts";
import { type Logger, silentLogger } from "../../event/logger.ts";
import { monotonicNow, sleep, wallNow } from "../../time/timers.ts";
import { closed } from "../refusals.ts";
import type { Ticker } from "../ticker.ts";
import { explainPostgresError, isAway, isForgotten, isLost, wasUndone } from "./errors.ts";
import { migrate } from "./migrations.ts";
import { quoted, serverClock } from "./names.ts";
import { defaultSchema, type PostgresOutboxOptions } from "./options.ts";

export type Row = Readonly<Record<string, unknown>>;

/** An operation waits this long for a connection before it is refused. */
const connectWithinMs = 4000;
const answerWithinMs = 30_000;

export class PostgresSession {
  /** Host, port and database, without user or password. */
  readonly address: string;
  /** Quoted. */
  readonly schema: string;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly #options: PostgresOutboxOptions;
  readonly #stopRenewing: () => void;
  #ready: Promise<Pool> | undefined;
  #pool: Pool | undefined;
  #holder: Promise<number> | undefined;
  #closed = false;

  /** Connects on first use. Throws CONFIG_INVALID. */
  constructor(options: PostgresOutboxOptions, every: Ticker) {
    this.#options = options;
    this.schema = quoted(options.schema ?? defaultSchema);
    this.leaseMs = options.leaseMs ?? 10_000;
    this.logger = options.logger ?? silentLogger;
    this.now = options.now ?? wallNow;
    this.address = addressOf(options);
    this.#stopRenewing = every(Math.ceil(this.leaseMs / 5), () => void this.#renew());
  }

  /**
   * Runs one statement. Rejects with CLOSED, DEPENDENCY_MISSING, OUTBOX_UNAVAILABLE, OUTBOX_FULL or OUTBOX_INVALID,
   * within seconds. `repeatable` ones run once more where the connection was lost under way.
   */
  query(text: string, values: readonly unknown[] = [], repeatable = false): Promise<readonly Row[]> {
    return this.use(async (pool) => (await pool.query<Row>(text, [...values])).rows, repeatable);
  }

  /** Runs several statements in one transaction, on one connection. */
  transaction<Result>(statements: (client: PoolClient) => Promise<Result>): Promise<Result> {
    return this.use(async (pool) => {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query("BEGIN");
        const result = await statements(client);
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK").catch((failure: Error) => {
          broken = failure;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    });
  }

  /** The number under which this process holds what it claims. */
  holder(): Promise<number> {
    this.#holder ??= this.#register().catch((error: unknown) => {
      this.#holder = undefined;
      throw error;
    });
    return this.#holder;
  }

  /** Runs what needs a lease, under a new one where the old ran out. */
  async asHolder<Result>(run: (holder: number) => Promise<Result>): Promise<Result> {
    const holder = this.holder();
    try {
      return await run(await holder);
    } catch (error) {
      if (!WebhookError.is(error) || !isForgotten({ code: codeOf(error.cause) })) throw error;
      if (this.#holder === holder) this.#holder = undefined;
      return run(await this.holder());
    }
  }

  /** Hands back what is held, and ends connections of our own. Later calls reject with CLOSED. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#stopRenewing();
    const holder = await this.#holder?.catch(() => undefined);
    if (holder !== undefined) {
      const handBack = `SELECT ${this.schema}.give_up($1::integer[])`;
      await this.query(handBack, [[holder]]).catch(() => undefined);
    }
    this.#closed = true;
    const pool = this.#pool;
    this.#pool = undefined;
    if (this.#options.pool === undefined) await pool?.end();
  }

  async use<Result>(run: (pool: Pool) => Promise<Result>, repeatable = false): Promise<Result> {
    const startedAt = monotonicNow();
    for (let pauseMs = 20, lost = 0; ; pauseMs *= 2) {
      if (this.#closed) throw closed("Postgres");
      try {
        return await run(await this.#open());
      } catch (error) {
        if (this.#closed) throw closed("Postgres");
        const waitedMs = monotonicNow() - startedAt;
        const again = wasUndone(error) || isAway(error) || (repeatable && isLost(error) && (lost += 1) === 1);
        if (!again || waitedMs + pauseMs > connectWithinMs) throw explainPostgresError(error, this.address);
      }
      await sleep(pauseMs);
    }
  }

  /** Returns the pool once the tables are there. */
  #open(): Promise<Pool> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #prepare(): Promise<Pool> {
    this.#pool ??= this.#options.pool ?? (await this.#createPool());
    const client = await this.#pool.connect();
    try {
      await migrate(client, this.#options.schema ?? defaultSchema);
    } finally {
      client.release();
    }
    return this.#pool;
  }

  async #createPool(): Promise<Pool> {
    const { Pool: PoolOfPg } = await loadPg();
    const config: PoolConfig = {
      ...(this.#options.connectionString === undefined
        ? {}
        : { connectionString: this.#options.connectionString }),
      application_name: "mova-webhooks",
      max: 8,
      connectionTimeoutMillis: connectWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
      allowExitOnIdle: true,
    };
    const pool = new PoolOfPg(config);
    // Without a listener the loss of a connection that rests would end the program.
    pool.on("error", (error) =>
      this.logger.debug({ err: error.message }, "a connection to Postgres was lost"),
    );
    return pool;
  }

  async #register(): Promise<number> {
    const text = `INSERT INTO ${this.schema}.holder (alive_until) VALUES (${serverClock} + $1) RETURNING id`;
    const [row] = await this.query(text, [this.#aliveMs]);
    return Number(row?.id);
  }

  async #renew(): Promise<void> {
    const registered = this.#holder;
    if (registered === undefined) return;
    try {
      const text = `UPDATE ${this.schema}.holder SET alive_until = ${serverClock} + $1 WHERE id = $2 RETURNING id`;
      const rows = await this.query(text, [this.#aliveMs, await registered], true);
      if (rows.length === 0 && this.#holder === registered) this.#holder = undefined;
    } catch (error) {
      this.logger.debug({ err: error }, "a lease could not be renewed");
    }
  }

  /** Others look at what is due within the rest of `leaseMs`. */
  get #aliveMs(): number {
    return this.leaseMs * 0.8;
  }
}

async function loadPg(): Promise<Pick<typeof import("pg"), "Pool">> {
  try {
    const { default: pg } = await import("pg");
    return pg;
  } catch (cause) {
    const detail = "The Postgres outbox needs the package `pg`, which cannot be loaded";
    throw new WebhookError("DEPENDENCY_MISSING", detail, { cause });
  }
}

/** The cause that `explainPostgresError` keeps begins with the code. */
function codeOf(cause: unknown): string {
  return cause instanceof Error ? (/^(\w{5}): /.exec(cause.message)?.[1] ?? "") : "";
}

function addressOf({ connectionString, pool }: PostgresOutboxOptions): string {
  if (connectionString === undefined) {
    const { host = "the pool's address", port, database } = pool?.options ?? {};
    return `${host}${port === undefined ? "" : `:${port}`}${database === undefined ? "" : `/${database}`}`;
  }
  // A socket's folder stands percent-encoded as the host, or in the query.
  const { hostname, port, pathname, searchParams } = URL.canParse(connectionString)
    ? new URL(connectionString)
    : new URL("postgres://");
  const host = searchParams.get("host") ?? hostname;
  return `${host === "" ? "localhost" : host}:${port === "" ? "5432" : port}${pathname}`;
}
