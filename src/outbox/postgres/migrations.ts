/** The numbered steps that make the tables: applied at first use, by one process at a time, or by those who run their own. */
import type { PoolClient } from "pg";
import { WebhookError } from "../../event/errors.ts";
import { functions } from "./functions.ts";
import { quoted } from "./names.ts";
import { tables } from "./tables.ts";

/** Each brings the tables to the version of its place, from 1. */
const steps: readonly ((schema: string) => string)[] = [(schema) => tables(schema) + functions(schema)];

export const tablesVersion = steps.length;

/** Returns the SQL that makes all tables, for those who run migrations themselves. */
export function migrationSql(schema: string): string {
  const name = quoted(schema);
  return `CREATE SCHEMA IF NOT EXISTS ${name};\n${steps.map((step) => step(name)).join("\n")}`;
}

/** Makes or brings up to date what is missing. Needs no right to do so where nothing is. Rejects with OUTBOX_INVALID. */
export async function migrate(client: PoolClient, schema: string): Promise<void> {
  if ((await versionOf(client, schema)) === tablesVersion) return;
  const name = quoted(schema);
  await client.query("BEGIN");
  try {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`mova-webhooks ${schema}`]);
    const version = await versionOf(client, schema);
    await refuseForeign(client, schema, version);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
    for (const step of steps.slice(version)) await client.query(step(name));
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Returns 0 where there are no tables yet. Rejects with OUTBOX_INVALID for tables of a newer version. */
async function versionOf(client: Pick<PoolClient, "query">, schema: string): Promise<number> {
  // Asked of the catalogue and not by `to_regclass`, which may not know yet what another has just made.
  const text = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'outbox_meta'";
  if ((await client.query(text, [schema])).rows.length === 0) return 0;
  const found = await client.query(`SELECT version FROM ${quoted(schema)}.outbox_meta`);
  const version = Number(found.rows[0]?.version ?? 0);
  if (version <= tablesVersion) return version;
  const detail = `The outbox in the schema \`${schema}\` has version ${version}, this package knows ${tablesVersion}`;
  throw new WebhookError("OUTBOX_INVALID", detail);
}

async function refuseForeign(client: PoolClient, schema: string, version: number): Promise<void> {
  if (version > 0) return;
  const text = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 LIMIT 1";
  const { rows } = await client.query(text, [schema]);
  if (rows.length === 0) return;
  throw new WebhookError("OUTBOX_INVALID", `The schema \`${schema}\` holds tables that are no outbox`, {
    remedy: "Give the outbox a `schema` of its own.",
  });
}
