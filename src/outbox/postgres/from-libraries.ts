/** What `triggerEvent` takes as a transaction of Drizzle, Kysely, Knex, Prisma and TypeORM: how each of them runs SQL. */
import { ForeignTransaction, hasMember, type RunSql, rowsOf, unsupported } from "./transaction.ts";

/** Stands for a transaction of the program's own; made by `fromDrizzle` and its like, taken by `triggerEvent`. */
export type JoinedTransaction = ForeignTransaction;

type Method = (...values: unknown[]) => Promise<unknown>;

/** Takes the `tx` of Drizzle's `db.transaction(async (tx) => …)`, of `drizzle-orm/node-postgres`. */
export function fromDrizzle(tx: object): JoinedTransaction {
  const session: unknown = hasMember(tx, "session") ? tx.session : undefined;
  const client: unknown = hasMember(session, "client") ? session.client : undefined;
  const query = methodOf(client, "query", "fromDrizzle", "of drizzle-orm/node-postgres");
  return joined(client as object, (text, values) => query(text, [...values]));
}

/** Takes the `trx` of Kysely's `db.transaction().execute(async (trx) => …)`. */
export function fromKysely(trx: object): JoinedTransaction {
  const execute = methodOf(trx, "executeQuery", "fromKysely", "of Kysely");
  let count = 0;
  return joined(trx, (sql, parameters) => {
    const query = { kind: "RawNode", sqlFragments: [sql], parameters: [] };
    return execute({ sql, parameters, query, queryId: { queryId: `mova-webhooks-${(count += 1)}` } });
  });
}

/** Takes the `trx` of Knex's `knex.transaction(async (trx) => …)`. */
export function fromKnex(trx: object): JoinedTransaction {
  const raw = methodOf(trx, "raw", "fromKnex", "of Knex");
  return joined(trx, (text, values) => {
    // Knex numbers parameters itself, in the order they stand.
    const order: unknown[] = [];
    const marked = text.replace(/\$(\d+)/g, (_, number: string) => {
      order.push(values[Number(number) - 1]);
      return "?";
    });
    return raw(marked, order);
  });
}

/** Takes the `tx` of Prisma's `prisma.$transaction(async (tx) => …)`. */
export function fromPrisma(tx: object): JoinedTransaction {
  const queryRaw = methodOf(tx, "$queryRawUnsafe", "fromPrisma", "of Prisma");
  return joined(tx, (text, values) => queryRaw(text, ...values));
}

/** Takes the `manager` of TypeORM's `dataSource.transaction(async (manager) => …)`, or its query runner. */
export function fromTypeOrm(manager: object): JoinedTransaction {
  const query = methodOf(manager, "query", "fromTypeOrm", "of TypeORM");
  return joined(manager, (text, values) => query(text, [...values]));
}

function joined(source: object, run: (...input: Parameters<RunSql>) => Promise<unknown>): JoinedTransaction {
  return new ForeignTransaction(source, async (text, values) => rowsOf(await run(text, values)));
}

function methodOf(owner: unknown, name: string, by: string, library: string): Method {
  // Knex's transactions and some clients are functions with members.
  const method: unknown =
    (typeof owner === "object" && owner !== null) || typeof owner === "function"
      ? Reflect.get(owner, name)
      : undefined;
  if (typeof method !== "function") throw unsupported(`Expected a transaction ${library} for \`${by}()\``);
  return (...values) => Reflect.apply(method, owner, values) as Promise<unknown>;
}
