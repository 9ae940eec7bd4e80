/** The open file of the SQLite outbox: its prepared statements, its transactions, and a new connection after a fault. */
import { realpathSync, statSync } from "node:fs";
import type { Database, Statement } from "./driver.ts";
import type { WebhookError } from "../../event/errors.ts";
import type { Logger } from "../../event/logger.ts";
import type { Transactions } from "./batch.ts";
import { openDatabase, patiently } from "./connection.ts";
import { isDeleted, writeBack } from "./deleted-file.ts";
import { isForWantOfRoom, kindOfFailure, toWebhookError } from "./errors.ts";
import { Ledger } from "./ledger.ts";
import { Ownership } from "./owner.ts";
import type { Identity } from "./owner.ts";
import { Reserve } from "./reserve.ts";
import { Room } from "./room.ts";
import { SqliteRepair } from "./repair.ts";
import { SqliteClaims } from "./claims.ts";
import { SqliteDecisions } from "./decisions.ts";
import { SqliteGrants } from "./grants.ts";
import { SqliteHands } from "./hands.ts";
import { SqliteOrder } from "./order.ts";
import { SqliteReads } from "./reads.ts";
import { SqliteShelf } from "./shelf.ts";
import { SqliteUpkeep } from "./upkeep.ts";
import { SqliteWalk } from "./walk.ts";
import { SqliteWrites } from "./writes.ts";

/** What can be asked of one connection. */
export interface SqliteSession {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly ownership: Ownership;
  readonly writes: SqliteWrites;
  readonly claims: SqliteClaims;
  readonly upkeep: SqliteUpkeep;
  readonly reads: SqliteReads;
  readonly repair: SqliteRepair;
  readonly walk: SqliteWalk;
  readonly room: Room;
  readonly order: SqliteOrder;
  readonly grants: SqliteGrants;
  readonly decisions: SqliteDecisions;
  readonly hands: SqliteHands;
  readonly shelf: SqliteShelf;
}

interface Connection extends SqliteSession {
  readonly begin: Statement<[]>;
  readonly commit: Statement<[]>;
  /** Where the file itself is, which the configured path may lead to by a link. */
  readonly file: string;
  readonly inode: bigint;
}

export class SqliteStore implements Transactions<SqliteSession> {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #self: Identity = { id: 0 };
  #connection: Connection | undefined;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
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
    this.leaveReplacedFile();
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
    const connection = this.#connection;
    if (connection === undefined) return;
    const { database, ledger, ownership, order, grants, decisions } = connection;
    if (database.inTransaction) database.exec("ROLLBACK");
    ledger.forget();
    for (const part of [ownership, order, grants, decisions]) part.rollback();
  }

  makeRoom(tries: number): boolean {
    return this.#connection?.room.make(tries) === true;
  }

  explain(error: unknown): WebhookError {
    const reason = toWebhookError(error, this.#path);
    // A connection that met a fault of the file may keep it in mind; a new one looks again.
    if (kindOfFailure(error) === "store") this.close();
    return reason;
  }

  /** Runs something that may block for longer on another process's lock. */
  patiently<Result>(run: () => Result): Result {
    this.leaveReplacedFile();
    return patiently(this.#open().database, run);
  }

  /**
   * Lets go of a file that was moved or replaced: what is written into it would be lost. One that was deleted is written
   * back first. Throws SQLITE_BUSY while another process does that.
   */
  leaveReplacedFile(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const inode = inodeAt(connection);
    if (inode === connection.inode) return;
    const { file } = connection;
    if (inode === undefined && isDeleted(connection.inode)) this.#writeBack(connection);
    else this.#logger.warn({ file }, "the SQLite outbox was moved or replaced: what waits there waits on");
    this.close();
  }

  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.database.close();
  }

  #writeBack({ database, file }: Connection): void {
    try {
      if (!writeBack(database, file)) throw Object.assign(new Error(file), { code: "SQLITE_BUSY" });
      this.#logger.error({ file }, "the SQLite outbox was deleted while it was open, and is written back");
    } catch (error) {
      if (kindOfFailure(error) === "busy") throw error;
      this.#logger.error({ err: error, file }, "the SQLite outbox was deleted, and all that waited in it");
    }
  }

  #transact<Result>(run: (session: SqliteSession) => Result): Result {
    try {
      const result = run(this.begin());
      this.commit();
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** On a full disk the reserve makes room for what SQLite needs beside the file. */
  #openFile(): { database: Database; reserve: Reserve } {
    try {
      const database = openDatabase(this.#path, this.#logger);
      return { database, reserve: new Reserve(this.#path) };
    } catch (error) {
      const { cause } = Object(error) as { cause?: unknown };
      if (!isForWantOfRoom(cause)) throw error;
      const reserve = new Reserve(this.#path);
      if (!reserve.release()) throw error;
      return { database: openDatabase(this.#path, this.#logger), reserve };
    }
  }

  #open(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    const { database, reserve } = this.#openFile();
    const ledger = new Ledger(database);
    const order = new SqliteOrder(database);
    const ownership = new Ownership(database, ledger, order, this.#self);
    const grants = new SqliteGrants(database, ledger, ownership, order);
    const decisions = new SqliteDecisions(database);
    const writes = new SqliteWrites(database, { ledger, ownership, order, grants, decisions });
    const upkeep = new SqliteUpkeep(database, { ledger, order, decisions });
    const walk = new SqliteWalk(database);
    const transact = <Result>(run: (session: SqliteSession) => Result): Result => this.#transact(run);
    const room = new Room({ path: this.#path, database, reserve, records: { walk, upkeep }, transact });
    this.#connection = {
      ...{ database, ledger, ownership, order, grants, decisions, writes, upkeep, walk, room },
      claims: new SqliteClaims(database, { ledger, ownership, grants }),
      reads: new SqliteReads(database, order, decisions),
      repair: new SqliteRepair(database, ledger, order),
      hands: new SqliteHands(database, { ledger, order, decisions, writes }),
      shelf: new SqliteShelf(database),
      begin: database.prepare("BEGIN IMMEDIATE"),
      commit: database.prepare("COMMIT"),
      file: realpathSync(this.#path),
      inode: statSync(this.#path, { bigint: true }).ino,
    };
    return this.#connection;
  }
}

/** Undefined where there is no file; of a path that cannot be looked at, the file that is open. */
function inodeAt({ file, inode }: Connection): bigint | undefined {
  try {
    return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;
  } catch {
    return inode;
  }
}
