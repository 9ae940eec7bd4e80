/** The tables of the SQLite outbox, how a file is recognised as one, and how it is brought to the current version. */
import type { Database } from "./driver.ts";
import { WebhookError } from "../../event/errors.ts";

/** "MOVA" in ASCII: what `file` and other programs tell this database by. */
const applicationId = 0x4d4f5641;

/** Numbers of the states in the file. Partial indexes name them: they never change. */
export const stateNumbers = { pending: 0, delivering: 1, delivered: 2, dead: 3 } as const;

/**
 * An event has the sequence number n, its deliveries n+1 to n+`deliveries`: neighbours on disk, and no index is needed
 * to get from one to the other. `lease` goes up with every change of state. `repeated` is 0 for a first attempt.
 * `contents` holds what some deliveries send instead of the event's body. Bodies come last in their rows, so that reading the other columns does not touch them.
 */
const versionOne = `
  CREATE TABLE store (next_seq INTEGER NOT NULL, unrouted INTEGER NOT NULL);
  INSERT INTO store VALUES (1, 0);

  CREATE TABLE endpoints (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    pending INTEGER NOT NULL DEFAULT 0, delivering INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0
  );

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, source TEXT NOT NULL,
    created_at INTEGER NOT NULL, deliveries INTEGER NOT NULL, traceparent TEXT, tracestate TEXT,
    origin TEXT NOT NULL, decisions TEXT NOT NULL, body BLOB NOT NULL
  );
  CREATE INDEX events_unrouted ON events (created_at) WHERE deliveries = 0;

  CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, event INTEGER NOT NULL, endpoint INTEGER NOT NULL,
    created_at INTEGER NOT NULL, state INTEGER NOT NULL, repeated INTEGER NOT NULL, due_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL, replays INTEGER NOT NULL, lease INTEGER NOT NULL, owner INTEGER,
    type TEXT NOT NULL, reason TEXT, batch TEXT
  );
  CREATE INDEX deliveries_waiting ON deliveries (endpoint, repeated, due_at) WHERE state = 0;
  CREATE INDEX deliveries_held ON deliveries (owner) WHERE state = 1;
  CREATE INDEX deliveries_dead ON deliveries (created_at) WHERE state = 3;
  CREATE INDEX deliveries_by_age ON deliveries (created_at);

  CREATE TABLE contents (delivery INTEGER PRIMARY KEY, headers TEXT NOT NULL, body BLOB NOT NULL);

  CREATE TABLE attempts (
    delivery INTEGER NOT NULL, replay INTEGER NOT NULL, number INTEGER NOT NULL,
    started_at INTEGER NOT NULL, duration_ms REAL NOT NULL, outcome TEXT NOT NULL, status INTEGER,
    trace_id TEXT, span_id TEXT, response TEXT,
    PRIMARY KEY (delivery, replay, number)
  ) WITHOUT ROWID;

  CREATE TABLE owners (
    id INTEGER PRIMARY KEY AUTOINCREMENT, beat INTEGER NOT NULL,
    host TEXT, pid INTEGER NOT NULL, started TEXT
  );
`;

/**
 * `blocked`: another of its order key must end first. `holds`: it died, and keeps the others of its key back. `late`: it
 * was added to its event afterwards, and is no neighbour of it. `grants` and `limits` are what claims under limits are
 * counted by. Which decisions an event names is told in `decisions.ts`.
 */
const versionTwo = `
  ALTER TABLE store ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE endpoints ADD COLUMN grants TEXT;
  ALTER TABLE deliveries ADD COLUMN expires_at INTEGER;
  ALTER TABLE deliveries ADD COLUMN order_key TEXT;
  ALTER TABLE deliveries ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
  DROP INDEX deliveries_waiting;
  CREATE INDEX deliveries_waiting ON deliveries (endpoint, blocked, repeated, due_at) WHERE state = 0;
  CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE state = 0 AND expires_at IS NOT NULL;
  CREATE INDEX deliveries_ordered ON deliveries (endpoint, order_key, state, blocked)
    WHERE order_key IS NOT NULL AND (state < 2 OR holds = 1);
  CREATE INDEX deliveries_late ON deliveries (event) WHERE late = 1;

  CREATE TABLE decisions (
    key INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL, since INTEGER NOT NULL, decisions TEXT NOT NULL
  );
  CREATE INDEX decisions_by_hash ON decisions (hash);
  CREATE INDEX decisions_by_age ON decisions (since);
  INSERT INTO decisions (hash, since, decisions)
    SELECT '', max(seq), decisions FROM events WHERE instr(decisions, '"reason":"disabled"') > 0 GROUP BY decisions;
  CREATE TEMP TABLE named AS SELECT key, decisions FROM decisions;
  CREATE INDEX temp.named_by_text ON named (decisions);
  UPDATE events SET decisions = 'off' || (SELECT key FROM temp.named n WHERE n.decisions = events.decisions)
    WHERE instr(decisions, '"reason":"disabled"') > 0;
  DROP TABLE temp.named;
  CREATE INDEX events_off ON events (seq) WHERE decisions GLOB 'off*';

  CREATE TABLE interventions (
    delivery INTEGER NOT NULL, at INTEGER NOT NULL, action TEXT NOT NULL, by TEXT NOT NULL, reason TEXT
  );
  CREATE INDEX interventions_of ON interventions (delivery);
  CREATE TABLE limits (
    endpoint INTEGER NOT NULL, owner INTEGER NOT NULL, said TEXT NOT NULL, PRIMARY KEY (endpoint, owner)
  ) WITHOUT ROWID;
  CREATE TABLE states (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE stored_endpoints (id TEXT PRIMARY KEY, settings TEXT NOT NULL) WITHOUT ROWID;
`;

/** One script for each version after the first, in order. */
const migrations: readonly string[] = [versionOne, versionTwo];

/** Checks that the file is an outbox of this or an older version, and makes it one of this version. */
export function migrate(database: Database, fileName: string): void {
  const version = readVersion(database, fileName);
  if (version === migrations.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have been faster.
    const from = readVersion(database, fileName);
    for (const script of migrations.slice(from)) database.exec(script);
    database.pragma(`application_id = ${applicationId}`);
    database.pragma(`user_version = ${migrations.length}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function readVersion(database: Database, fileName: string): number {
  const application = Number(database.pragma("application_id", { simple: true }));
  const version = Number(database.pragma("user_version", { simple: true }));
  const tables = Number(database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get());
  if (application !== applicationId && (application !== 0 || version !== 0 || tables > 0)) {
    throw new WebhookError("OUTBOX_INVALID", `The file ${fileName} is a database of another program`);
  }
  if (version > migrations.length) {
    const detail = `The SQLite outbox ${fileName} has version ${version}, this package knows up to ${migrations.length}`;
    throw new WebhookError("OUTBOX_INVALID", detail);
  }
  return version;
}

/** Reads the whole file and throws OUTBOX_INVALID where it does not hold together. */
export function checkIntegrity(database: Database, fileName: string): void {
  const finding = database.pragma("quick_check(1)", { simple: true });
  if (finding === "ok") return;
  throw new WebhookError("OUTBOX_INVALID", `The SQLite outbox ${fileName} is damaged`, {
    cause: new Error(String(finding)),
  });
}
