/** Events in the program's own transaction: committed and rolled back with its rows, whichever library began it. */
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import knex from "knex";
import { Kysely, PostgresDialect, sql as kyselySql } from "kysely";
import {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPrisma,
  fromTypeOrm,
  type JoinedTransaction,
} from "mova-webhooks/outbox/postgres";
import pg from "pg";
import { DataSource } from "typeorm";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WebhookManager } from "../../src/index.ts";
import { quoted } from "../../src/outbox/postgres/names.ts";
import { root, runProgram } from "../support/program.ts";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";
import {
  type PostgresSubject,
  postgresSubject,
  postgresUrl,
  reasonWithoutPostgres,
} from "../support/postgres-subject.ts";

const without = await reasonWithoutPostgres();
const pool = new pg.Pool({ connectionString: postgresUrl, max: 4, allowExitOnIdle: true });
afterAll(() => pool.end());

/** Runs a statement of the program's own, and hands on what `triggerEvent` takes for the transaction. */
type Work = (transaction: object, insert: (order: string) => Promise<unknown>) => Promise<void>;
type Begin = (table: string, work: Work) => Promise<void>;

const rollback = new Error("rolled back by the program");

/** Each begins a transaction as its library does, and rolls it back where the work throws. */
const libraries: Readonly<Record<string, Begin>> = {
  async pg(table, work) {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await work(client, (order) => client.query(`INSERT INTO ${table} VALUES ($1)`, [order]));
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  },
  drizzle: (table, work) =>
    drizzle(pool).transaction((tx) =>
      work(fromDrizzle(tx), (order) => tx.execute(sql`INSERT INTO ${sql.raw(table)} VALUES (${order})`)),
    ),
  async kysely(table, work) {
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
    await db
      .transaction()
      .execute((trx) =>
        work(fromKysely(trx), (order) =>
          kyselySql`INSERT INTO ${kyselySql.raw(table)} VALUES (${order})`.execute(trx),
        ),
      );
  },
  async knex(table, work) {
    const db = knex({ client: "pg", connection: postgresUrl });
    try {
      await db.transaction((trx) =>
        work(
          fromKnex(trx),
          (order) =>
            trx.raw(`INSERT INTO ${table.replaceAll("?", "\\?")} VALUES (?)`, [
              order,
            ]) as unknown as Promise<unknown>,
        ),
      );
    } finally {
      await db.destroy();
    }
  },
  async typeorm(table, work) {
    const source = await new DataSource({ type: "postgres", url: postgresUrl }).initialize();
    try {
      await source.transaction((manager) =>
        work(fromTypeOrm(manager), (order) => manager.query(`INSERT INTO ${table} VALUES ($1)`, [order])),
      );
    } finally {
      await source.destroy();
    }
  },
  /** Its engine is a download of its own: this is the shape of its client. */
  async prisma(table, work) {
    await libraries.pg?.(table, (client, insert) => {
      const tx = {
        $queryRawUnsafe: async (text: string, ...values: unknown[]) =>
          (await (client as pg.PoolClient).query<object>(text, values)).rows,
      };
      return work(fromPrisma(tx), insert);
    });
  },
};

describe.skipIf(without !== undefined)("triggerEvent in a transaction of", () => {
  let subject: PostgresSubject;
  let webhooks: WebhookManager;
  let table: string;

  beforeEach(async () => {
    subject = postgresSubject();
    const outbox = await subject.open();
    await outbox.ping();
    table = `${quoted(subject.schema)}.orders`;
    await subject.query(`CREATE TABLE ${table} (id text)`);
    webhooks = testManager({ outbox, eventTypes: ["order.*"], retention: { days: 0 } });
  });

  afterEach(async () => {
    await webhooks.close();
    await subject.end();
  });

  async function orders(): Promise<unknown[]> {
    return (await subject.query(`SELECT id FROM ${table} ORDER BY id`)).map(({ id }) => id);
  }

  it.each(Object.keys(libraries))("%s commits the event with the row, and delivers it", async (name) => {
    const endpoint = await testEndpoint();
    webhooks.addEndpoint({ id: "ops", url: endpoint.url, secret });
    await webhooks.start();
    await libraries[name]?.(table, async (transaction, insert) => {
      await insert("A-17");
      const { id, deliveries } = await webhooks.triggerEvent(
        "order.paid",
        { text: "é\0☃", order: "A-17" },
        { transaction },
      );
      expect(deliveries).toHaveLength(1);
      expect(await webhooks.find({ eventId: id }), "nobody sees it before the commit").toEqual({
        deliveries: [],
      });
    });
    const [request] = await endpoint.received(1);
    expect(JSON.parse(String(request?.body))).toMatchObject({
      event_type: "order.paid",
      data: { text: "é\0☃" },
    });
    expect(await orders()).toEqual(["A-17"]);
  });

  it.each(Object.keys(libraries))("%s leaves neither row nor event where it is rolled back", async (name) => {
    webhooks.addEndpoint({ id: "ops", url: "http://127.0.0.1:1/", secret });
    await webhooks.start();
    const rolledBack = libraries[name]?.(table, async (transaction, insert) => {
      await insert("A-17");
      await webhooks.triggerEvent("order.paid", {}, { id: "A-17-paid", transaction });
      throw rollback;
    });
    await expect(rolledBack).rejects.toBe(rollback);
    expect(await orders()).toEqual([]);
    expect(await webhooks.find()).toEqual({ deliveries: [] });
    expect(await webhooks.explain("A-17-paid")).toBeUndefined();
  });

  it("a savepoint takes back what came after it alone", async () => {
    webhooks.addEndpoint({ id: "ops", url: "http://127.0.0.1:1/", secret });
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await webhooks.triggerEvent("order.paid", {}, { id: "first", transaction: client });
      await client.query("SAVEPOINT half");
      await webhooks.triggerEvent("order.paid", {}, { id: "second", transaction: client });
      await client.query("ROLLBACK TO SAVEPOINT half");
      await client.query("COMMIT");
    } finally {
      client.release();
    }
    const { deliveries } = await webhooks.find();
    expect(deliveries.map(({ eventId }) => eventId)).toEqual(["first"]);
  });

  it("a client outside of any transaction stores at once", async () => {
    webhooks.addEndpoint({ id: "ops", url: "http://127.0.0.1:1/", secret });
    const client = await pool.connect();
    try {
      await webhooks.triggerEvent("order.paid", {}, { id: "first", transaction: client });
    } finally {
      client.release();
    }
    expect((await webhooks.find()).deliveries).toHaveLength(1);
  });

  it.each<[string, () => object]>([
    ["a pool, which is no transaction", () => pool],
    ["what is no client", () => ({ query: "SELECT 1" })],
  ])("refuses %s", async (_, transaction) => {
    await expect(
      webhooks.triggerEvent("order.paid", {}, { transaction: transaction() }),
    ).rejects.toMatchObject({
      code: "TRANSACTION_UNSUPPORTED",
    });
  });

  it("refuses a client of another database, whose transaction goes on", async () => {
    const elsewhere = new pg.Client({ connectionString: postgresUrl.replace(/[^/]*$/, "postgres") });
    await elsewhere.connect();
    try {
      await elsewhere.query("BEGIN");
      const refused = webhooks.triggerEvent("order.paid", {}, { transaction: elsewhere });
      await expect(refused).rejects.toMatchObject({ code: "TRANSACTION_UNSUPPORTED" });
      expect((await elsewhere.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    } finally {
      await elsewhere.end();
    }
  });

  it.each<[string, (given: object) => JoinedTransaction]>([
    ["fromDrizzle", fromDrizzle],
    ["fromKnex", fromKnex],
    ["fromKysely", fromKysely],
    ["fromPrisma", fromPrisma],
    ["fromTypeOrm", fromTypeOrm],
  ])("%s refuses what is no transaction of its library", (_, from) => {
    expect(() => from({})).toThrow(expect.objectContaining({ code: "TRANSACTION_UNSUPPORTED" }));
  });

  it("an outbox in memory refuses it, and stores nothing", async () => {
    const inMemory = testManager({ eventTypes: ["order.*"] });
    inMemory.addEndpoint({ id: "ops", url: "http://127.0.0.1:1/", secret });
    const refused = inMemory.triggerEvent("order.paid", {}, { transaction: pool });
    await expect(refused).rejects.toMatchObject({ code: "TRANSACTION_UNSUPPORTED" });
    expect(await inMemory.find()).toEqual({ deliveries: [] });
  });
});

it.skipIf(without !== undefined)(
  "the order service of the documentation commits its order with the event",
  async () => {
    const database = `mova_test_${process.pid}`;
    const url = postgresUrl.replace(/[^/]*$/, database);
    await pool.query(`CREATE DATABASE ${database}`);
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.query("CREATE TABLE orders (id text)");
      const folder = join(root, "dist/readme");
      mkdirSync(folder, { recursive: true });
      const program = join(folder, "order-service.mjs");
      copyFileSync(join(root, "test/fixtures/order-service.mjs"), program);
      const { code, stderr } = await runProgram(process.execPath, [program], { env: { DATABASE_URL: url } });
      expect([code, stderr]).toEqual([0, ""]);
      expect((await client.query("SELECT id FROM orders")).rows).toEqual([{ id: "A-17" }]);
      expect((await client.query("SELECT type FROM mova_webhooks.event")).rows).toEqual([
        { type: "order.paid" },
      ]);
    } finally {
      await client.end();
      await pool.query(`DROP DATABASE ${database} WITH (FORCE)`);
    }
  },
);
