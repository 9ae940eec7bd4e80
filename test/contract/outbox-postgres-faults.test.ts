/** What the Postgres outbox says and does where the server, the schema or the connection is not as it should be. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { WebhookError } from "../../src/event/errors.ts";
import { postgresOutbox } from "../../src/outbox/postgres/index.ts";
import { migrationSql } from "../../src/outbox/postgres/migrations.ts";
import { quoted } from "../../src/outbox/postgres/names.ts";
import { claimOnly, submissionOf } from "../../src/testing/outbox-subject.ts";
import { cli, write } from "../support/cli.ts";
import { postgresSubject, postgresUrl, reasonWithoutPostgres } from "../support/postgres-subject.ts";

const without = await reasonWithoutPostgres();
const admin = new pg.Pool({ connectionString: postgresUrl, max: 1, allowExitOnIdle: true });
admin.on("error", () => undefined);
afterAll(() => admin.end());

async function errorOf(connectionString: string, schema = "mova_nowhere"): Promise<WebhookError> {
  const outbox = postgresOutbox({ connectionString, schema });
  try {
    await outbox.ping();
  } catch (error) {
    if (WebhookError.is(error)) return error;
    throw error;
  } finally {
    await outbox.close();
  }
  throw new Error("it answered");
}

describe.skipIf(without !== undefined)("a Postgres outbox", () => {
  it.each([
    ["nothing listens", "postgres://user:canary@127.0.0.1:1/test", /at 127\.0\.0\.1:1\/test does not listen/],
    ["the host is not known", "postgres://user:canary@host.invalid/test", /host name is not known/],
    ["there is no such database", postgresUrl.replace(/[^/]*$/, "no_such"), /no database of that name/],
    [
      "there is no such user",
      postgresUrl.replace("postgres@", "nobody_here:canary@"),
      /refuses the user name/,
    ],
  ])("says in a sentence, and without a password, that %s", async (_, url, sentence) => {
    const error = await errorOf(url);
    expect(error.code).toBe("OUTBOX_UNAVAILABLE");
    expect(error.message).toMatch(sentence);
    expect(`${error.message} ${String(error.cause)}`).not.toContain("canary");
  });

  it("refuses a schema with tables of somebody else's, and changes nothing there", async () => {
    const schema = `mova_test_${randomUUID().slice(0, 8)}`;
    await admin.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.orders (id text)`);
    try {
      const error = await errorOf(postgresUrl, schema);
      expect([error.code, error.message]).toEqual(["OUTBOX_INVALID", expect.stringContaining("no outbox")]);
      const { rows } = await admin.query("SELECT tablename FROM pg_tables WHERE schemaname = $1", [schema]);
      expect(rows).toEqual([{ tablename: "orders" }]);
    } finally {
      await admin.query(`DROP SCHEMA ${schema} CASCADE`);
    }
  });

  it("refuses tables of a newer version", async ({ onTestFinished }) => {
    const subject = postgresSubject();
    onTestFinished(() => subject.end());
    await subject.open();
    await subject.query(`UPDATE ${quoted(subject.schema)}.outbox_meta SET version = 99`);
    const error = await errorOf(postgresUrl, subject.schema);
    expect([error.code, error.message]).toEqual(["OUTBOX_INVALID", expect.stringContaining("version 99")]);
  });

  it("loses nothing where its connections are ended under its hands", async ({ onTestFinished }) => {
    const subject = postgresSubject();
    onTestFinished(() => subject.end());
    const outbox = await subject.open();
    await outbox.put([submissionOf(subject, "evt_1")]);
    const claim = await claimOnly(outbox);
    const ended = await subject.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'mova-webhooks' AND query LIKE '%' || $1 || '%'`,
      [subject.schema.slice(-12)],
    );
    expect(ended.length).toBeGreaterThan(0);
    await expect.poll(() => outbox.ping().then(() => "answers", String)).toBe("answers");
    expect(await outbox.settle(claim, { kind: "delivered" })).toBe("settled");
    expect((await outbox.get(claim.id))?.state).toBe("delivered");
  });

  it("goes on under a new lease where its own ran out, and can settle nothing of the old", async ({
    onTestFinished,
  }) => {
    const subject = postgresSubject();
    onTestFinished(() => subject.end());
    const outbox = await subject.open();
    await outbox.put([submissionOf(subject, "evt_1")]);
    const stale = await claimOnly(outbox);
    const schema = quoted(subject.schema);
    await subject.query(`SELECT ${schema}.give_up(ARRAY(SELECT id FROM ${schema}.holder))`);
    const [stored] = await outbox.put([submissionOf(subject, "evt_2", ["audit"], { claim: true })]);
    expect(stored?.claims, "a process without a lease claims nothing as it stores").toEqual([]);
    const again = await claimOnly(outbox);
    expect(again.event.id).toBe("evt_1");
    expect(await outbox.settle(stale, { kind: "dead", reason: "late" })).toBe("lost");
    expect(await outbox.settle(again, { kind: "delivered" })).toBe("settled");
  });

  it("takes a server that only reads for an outage", async ({ onTestFinished }) => {
    const subject = postgresSubject();
    onTestFinished(() => subject.end());
    await subject.open();
    const readOnly = `${postgresUrl}?options=-c%20default_transaction_read_only%3Don`;
    const error = await errorOf(readOnly, subject.schema);
    expect([error.code, error.message]).toEqual([
      "OUTBOX_UNAVAILABLE",
      expect.stringContaining("read-only standby"),
    ]);
  });

  it("works with a role that may create nothing, once the tables are there", async ({ onTestFinished }) => {
    const subject = postgresSubject();
    const [schema, role] = [quoted(subject.schema), `mova_test_${randomUUID().slice(0, 8)}`];
    onTestFinished(async () => {
      await admin.query(`DROP OWNED BY ${role}`);
      await admin.query(`DROP ROLE ${role}`);
      await subject.end();
    });
    await admin.query(`CREATE ROLE ${role} LOGIN`);
    const url = postgresUrl.replace("postgres@", `${role}@`);
    expect(await errorOf(url, subject.schema)).toMatchObject({ code: "OUTBOX_UNAVAILABLE" });
    await admin.query(migrationSql(subject.schema));
    await admin.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    const outbox = await subject.open({ connectionString: url });
    await outbox.put([submissionOf(subject, "evt_1")]);
    expect(await outbox.settle(await claimOnly(outbox), { kind: "delivered" })).toBe("settled");
  });

  it("rejects with a typed error, and goes on later, where its program's pool was ended", async ({
    onTestFinished,
  }) => {
    const subject = postgresSubject();
    onTestFinished(() => subject.end());
    const pool = new pg.Pool({ connectionString: postgresUrl });
    const outbox = postgresOutbox({ pool, schema: subject.schema });
    await outbox.ping();
    await pool.end();
    await expect(outbox.ping()).rejects.toMatchObject({
      code: "OUTBOX_UNAVAILABLE",
      message: expect.stringContaining("the pool was ended") as string,
    });
    await outbox.close();
  });

  it("has its SQL printed by the command line, which also makes the tables and tells their size", async ({
    onTestFinished,
  }) => {
    const subject = postgresSubject();
    onTestFinished(() => subject.end());
    const file = write(
      "mova.config.yaml",
      `webhook: { outbox: { type: postgres, url: "${postgresUrl}", schema: '${subject.schema}' } }`,
    );
    const printed = await cli(["outbox", "migrate", "--print", "--config", file]);
    expect(printed.out).toContain(`CREATE SCHEMA IF NOT EXISTS ${quoted(subject.schema)}`);
    expect(await subject.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [subject.schema])).toEqual(
      [],
    );
    const made = await cli(["outbox", "migrate", "--json", "--config", file]);
    expect(JSON.parse(made.out)).toMatchObject({ version: 1, liveRows: expect.any(Number) as number });
    const other = await cli(["outbox", "migrate"], { env: { MOVA_WEBHOOK_OUTBOX: "memory" } });
    expect([other.code, other.err]).toEqual([2, expect.stringContaining("has no migrations")]);
    const doctor = await cli(["doctor", "--json", "--config", file]);
    expect(JSON.parse(doctor.out)).toContainEqual({
      check: "outbox",
      level: "ok",
      message: "postgres answers",
    });
  });
});
