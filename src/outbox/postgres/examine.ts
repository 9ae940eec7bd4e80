/** What `doctor` asks of a Postgres: its clock, and settings with which it may lose what it accepted. */
import type { StoreFinding, StoreSize } from "../kind.ts";
import { everyInterval } from "../ticker.ts";
import { tablesVersion } from "./migrations.ts";
import { defaultSchema, type PostgresChoice } from "./options.ts";
import { PostgresSession, type Row } from "./session.ts";

const oldestVersion = 14;
/** Dead rows that vacuum left, to one that lives. */
const bloated = 2;

/** Connects, asks, and closes. Rejects with DEPENDENCY_MISSING or OUTBOX_UNAVAILABLE. */
export async function readPostgresClock(choice: PostgresChoice): Promise<number> {
  const text = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now";
  return asking(choice, async (session) => (await session.query(text))[0]?.now as number);
}

export async function examinePostgres(choice: PostgresChoice): Promise<readonly StoreFinding[]> {
  return asking(choice, async (session) => {
    const text = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous,
        current_setting('server_version_num')::integer / 10000 AS version,
        coalesce(sum(n_dead_tup), 0)::float8 AS dead, coalesce(sum(n_live_tup), 0)::float8 AS live
      FROM pg_catalog.pg_stat_user_tables WHERE schemaname = $1`;
    const [row] = await session.query(text, [choice.schema ?? defaultSchema]);
    return row === undefined ? [] : judge(row);
  });
}

/** Makes the tables where they are missing. */
export async function sizeOfPostgres(choice: PostgresChoice): Promise<StoreSize> {
  return asking(choice, async (session) => {
    const text = `SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::float8 AS bytes,
        coalesce(sum(n_live_tup), 0)::float8 AS live, coalesce(sum(n_dead_tup), 0)::float8 AS dead
      FROM pg_catalog.pg_stat_user_tables WHERE schemaname = $1`;
    const [row] = await session.query(text, [choice.schema ?? defaultSchema]);
    return {
      version: tablesVersion,
      bytes: row?.bytes as number,
      liveRows: row?.live as number,
      deadRows: row?.dead as number,
    };
  });
}

function judge({ fsync, synchronous, version, dead, live }: Row): StoreFinding[] {
  const findings: StoreFinding[] = [];
  if (fsync !== "on") {
    const remedy = "Set `fsync = on`: without it a power loss may damage the whole database.";
    findings.push({ level: "fail", message: `fsync is ${String(fsync)}`, remedy });
  }
  if (synchronous === "off") {
    const remedy =
      "Set `synchronous_commit = on` for the outbox's role: without it the last events before a crash are lost.";
    findings.push({ level: "warn", message: "synchronous_commit is off", remedy });
  }
  if ((version as number) < oldestVersion) {
    const remedy = `Use PostgreSQL ${oldestVersion} or later.`;
    findings.push({ level: "warn", message: `the server is PostgreSQL ${String(version)}`, remedy });
  }
  if ((dead as number) > 100_000 && (dead as number) > bloated * (live as number)) {
    const remedy =
      "Let autovacuum run more often on the outbox's schema, or look for a transaction that is open for long.";
    findings.push({ level: "warn", message: `${String(dead)} dead rows wait for vacuum`, remedy });
  }
  return findings;
}

async function asking<Result>(
  { url, ...options }: PostgresChoice,
  ask: (session: PostgresSession) => Promise<Result>,
): Promise<Result> {
  const session = new PostgresSession({ connectionString: url, ...options }, everyInterval);
  try {
    return await ask(session);
  } finally {
    await session.close();
  }
}
