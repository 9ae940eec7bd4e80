/** Node's own SQLite, with the interface of better-sqlite3 as far as it is used here. */
import type { Database, Driver, Statement } from "./driver.ts";

/** What is used of `node:sqlite`; the types of Node 20 do not know it. */
interface NodeStatement {
  run(...parameters: unknown[]): { changes: number; lastInsertRowid: number | bigint };
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  setReturnArrays(enabled: boolean): void;
  columns(): readonly { readonly name: string; readonly type: string | null }[];
}

interface NodeDatabase {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  prepare(sql: string): NodeStatement;
  exec(sql: string): void;
  close(): void;
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options: { readonly timeout: number }) => NodeDatabase;
}

/** By the lower byte of SQLite's own number. */
const codes: ReadonlyMap<number, string> = new Map([
  [1, "SQLITE_ERROR"],
  [3, "SQLITE_PERM"],
  [5, "SQLITE_BUSY"],
  [6, "SQLITE_LOCKED"],
  [7, "SQLITE_NOMEM"],
  [8, "SQLITE_READONLY"],
  [10, "SQLITE_IOERR"],
  [11, "SQLITE_CORRUPT"],
  [13, "SQLITE_FULL"],
  [14, "SQLITE_CANTOPEN"],
  [19, "SQLITE_CONSTRAINT"],
  [26, "SQLITE_NOTADB"],
]);

export function wrapNodeSqlite({ DatabaseSync }: NodeSqlite): Driver {
  return (path, options) => named(() => new WrappedDatabase(new DatabaseSync(path, options)));
}

class WrappedDatabase implements Database {
  readonly #database: NodeDatabase;

  constructor(database: NodeDatabase) {
    this.#database = database;
  }

  get inTransaction(): boolean {
    return this.open && this.#database.isTransaction;
  }

  get open(): boolean {
    return this.#database.isOpen;
  }

  prepare<Parameters extends unknown[], Row>(sql: string): Statement<Parameters, Row> {
    return named(() => new WrappedStatement<Parameters, Row>(this.#database.prepare(sql)));
  }

  exec(sql: string): void {
    named(() => this.#database.exec(sql));
  }

  pragma(source: string, { simple = false }: { readonly simple?: boolean } = {}): unknown {
    const statement = this.prepare(`PRAGMA ${source}`);
    return simple ? statement.pluck().get() : statement.all();
  }

  close(): void {
    if (this.open) this.#database.close();
  }
}

class WrappedStatement<Parameters extends unknown[], Row> implements Statement<Parameters, Row> {
  readonly #statement: NodeStatement;
  #read: (row: unknown) => unknown;

  constructor(statement: NodeStatement) {
    this.#statement = statement;
    const bytes = statement.columns().filter(({ type }) => type === "BLOB");
    this.#read = bytes.length === 0 ? plain : (row) => withBuffers(plain(row), bytes);
  }

  run(...parameters: Parameters): ReturnType<NodeStatement["run"]> {
    return named(() => this.#statement.run(...parameters));
  }

  get(...parameters: Parameters): Row | undefined {
    const row = named(() => this.#statement.get(...parameters));
    return row === undefined ? undefined : (this.#read(row) as Row);
  }

  all(...parameters: Parameters): Row[] {
    const rows = named(() => this.#statement.all(...parameters));
    return rows.map((row) => this.#read(row) as Row);
  }

  pluck(): this {
    this.raw();
    this.#read = (row) => asBuffer((row as unknown[])[0]);
    return this;
  }

  raw(): this {
    this.#statement.setReturnArrays(true);
    this.#read = (row) => (row as unknown[]).map(asBuffer);
    return this;
  }
}

/** Rows come without a prototype. */
function plain(row: unknown): Record<string, unknown> {
  return { ...(row as Record<string, unknown>) };
}

function withBuffers(
  row: Record<string, unknown>,
  columns: readonly { readonly name: string }[],
): Record<string, unknown> {
  for (const { name } of columns) row[name] = asBuffer(row[name]);
  return row;
}

function asBuffer(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Runs something of Node's and gives what it throws the code that better-sqlite3 gives. */
function named<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && "errcode" in error && typeof error.errcode === "number") {
      Object.assign(error, { code: codes.get(error.errcode % 256) ?? "SQLITE_ERROR" });
    }
    throw error;
  }
}
