/** The open file of the SQLite outbox: its prepared statements, its transactions, and a new connection after a fault. */
import { statSync } from "node:fs";
import type { Database, Statement } from "better-sqlite3";
import type { WebhookError } from "../../event/errors.ts";
import type { Transactions } from "./batch.ts";
import { openDatabase, patiently } from "./connection.ts";
import { kindOfFailure, toWebhookError } from "./errors.ts";
import { Ledger } from "./ledger.ts";
import { Ownership } from "./owner.ts";
import type { Identity } from "./owner.ts";
import { SqliteReads } from "./reads.ts";
import { SqliteUpkeep } from "./upkeep.ts";
import { SqliteWalk } from "./walk.ts";
import { SqliteWrites } from "./writes.ts";

/** What can be asked of one connection. */
export interface SqliteSession {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly ownership: Ownership;
  readonly writes: SqliteWrites;
  readonly upkeep: SqliteUpkeep;
  readonly reads: SqliteReads;
  readonly walk: SqliteWalk;
}

interface Connection extends SqliteSession {
  readonly begin: Statement<[]>;
  readonly commit: Statement<[]>;
  readonly inode: bigint;
}

export class SqliteStore implements Transactions<SqliteSession> {
  readonly #path: string;
  readonly #self: Identity = { id: 0 };
  #connection: Connection | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Opens the file if it is not open. Throws a WebhookError. */
  open(): SqliteSession {
    return this.#open();
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  /** Runs something that only reads. Throws a WebhookError. */
  read<Result>(run: (session: SqliteSession) => Result): Result {
    try {
      return run(this.#open());
    } catch (error) {
      throw this.explain(error);
    }
  }

  begin(): SqliteSession {
    const connection = this.#open();
    connection.begin.run();
    return connection;
  }

  commit(): void {
    const connection = this.#open();
    connection.ownership.commit();
    connection.ledger.write();
    connection.commit.run();
  }

  rollback(): void {
    const { database, ledger, ownership } = this.#connection ?? {};
    if (database?.inTransaction === true) database.exec("ROLLBACK");
    ledger?.rollback();
    ownership?.rollback();
  }

  explain(error: unknown): WebhookError {
    const reason = toWebhookError(error, this.#path);
    const isFull = error instanceof Error && "code" in error && error.code === "SQLITE_FULL";
    // A connection that met a fault of the file may keep it in mind; a new one looks again.
    if (kindOfFailure(error) === "store" && !isFull) this.close();
    return reason;
  }

  /** Runs something that may block for longer on another process's lock. */
  patiently<Result>(run: () => Result): Result {
    return patiently(this.#open().database, run);
  }

  /** Lets go of a file that was deleted or replaced: what is written into it would be lost. */
  leaveReplacedFile(): void {
    if (this.#connection === undefined) return;
    const inode = statSync(this.#path, { bigint: true, throwIfNoEntry: false })?.ino;
    if (inode !== this.#connection.inode) this.close();
  }

  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.database.close();
  }

  #open(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    const database = openDatabase(this.#path);
    const ledger = new Ledger(database);
    const ownership = new Ownership(database, ledger, this.#self);
    this.#connection = {
      database,
      ledger,
      ownership,
      writes: new SqliteWrites(database, ledger, ownership),
      upkeep: new SqliteUpkeep(database, ledger),
      reads: new SqliteReads(database),
      walk: new SqliteWalk(database),
      begin: database.prepare("BEGIN IMMEDIATE"),
      commit: database.prepare("COMMIT"),
      inode: statSync(this.#path, { bigint: true }).ino,
    };
    return this.#connection;
  }
}
