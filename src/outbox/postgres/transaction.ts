/** Transactions of the caller's: how each library runs SQL inside of its own, and whether it is the outbox's database. */
import { WebhookError } from "../../event/errors.ts";
import type { PostgresSession, Row } from "./session.ts";

/** Runs SQL with parameters ($1, $2, …), and returns its rows. */
export type RunSql = (text: string, values: readonly unknown[]) => Promise<readonly Row[]>;

/** What one of the `from…` functions made of a transaction. */
export class ForeignTransaction {
  readonly query: RunSql;
  /** The library's own object: it stands for one connection. */
  readonly source: object;

  constructor(source: object, query: RunSql) {
    this.source = source;
    this.query = query;
  }
}

interface Querying {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** Transactions that were found to be in the outbox's database. */
const judged = new WeakMap<object, PostgresSession>();

/** Returns how SQL runs in a transaction. Rejects with TRANSACTION_UNSUPPORTED for what is none, or is elsewhere. */
export async function joining(transaction: unknown, session: PostgresSession): Promise<RunSql> {
  const { source, query: run } = foreignOf(transaction);
  if (judged.get(source) === session) return run;
  // The tables must be there, which only a connection of our own may make.
  const [own] = await session.query(
    `SELECT current_database() AS name, identity FROM ${session.schema}.outbox_meta`,
  );
  const [there] = await run("SELECT current_database() AS name, to_regclass($1) IS NOT NULL AS found", [
    `${session.schema}.outbox_meta`,
  ]);
  const isSame = there?.found === true && there.name === own?.name;
  const [meta] = isSame ? await run(`SELECT identity FROM ${session.schema}.outbox_meta`, []) : [];
  if (meta === undefined || meta.identity !== own?.identity) {
    throw unsupported("The transaction is in another database than the Postgres outbox");
  }
  judged.set(source, session);
  return run;
}

export function unsupported(detail: string): WebhookError {
  return new WebhookError("TRANSACTION_UNSUPPORTED", detail);
}

function foreignOf(transaction: unknown): ForeignTransaction {
  if (transaction instanceof ForeignTransaction) return transaction;
  const isPool = hasMember(transaction, "totalCount") && hasMember(transaction, "idleCount");
  if (!hasMember(transaction, "query") || typeof transaction.query !== "function" || isPool) {
    const forms = "a client of `pg`, or what `fromDrizzle` and its like make of a transaction";
    throw unsupported(
      `Expected \`transaction\` to be ${forms}, got ${isPool ? "a pool" : typeof transaction}`,
    );
  }
  const client = transaction as unknown as Querying;
  return new ForeignTransaction(transaction, async (text, values) =>
    rowsOf(await client.query(text, [...values])),
  );
}

/** Libraries return the rows, or a result with them. */
export function rowsOf(result: unknown): readonly Row[] {
  const rows: unknown = hasMember(result, "rows") ? result.rows : result;
  return Array.isArray(rows) ? (rows as readonly Row[]) : [];
}

export function hasMember<Name extends string>(
  value: unknown,
  name: Name,
): value is object & { readonly [Key in Name]: unknown } {
  return typeof value === "object" && value !== null && name in value;
}
