/** What the SQLite outbox asks of a driver. */

/** As better-sqlite3 has it, as far as it is used here. */
export interface Statement<Parameters extends unknown[], Row = unknown> {
  run(...parameters: Parameters): { readonly changes: number; readonly lastInsertRowid: number | bigint };
  get(...parameters: Parameters): Row | undefined;
  all(...parameters: Parameters): Row[];
  /** Rows are their first column from now on. */
  pluck(): this;
  /** Rows are arrays from now on. */
  raw(): this;
}

export interface Database {
  readonly inTransaction: boolean;
  readonly open: boolean;
  prepare<Parameters extends unknown[], Row = unknown>(sql: string): Statement<Parameters, Row>;
  exec(sql: string): unknown;
  pragma(source: string, options?: { readonly simple?: boolean }): unknown;
  close(): unknown;
}

/** Opens a file; what it throws has a `code` such as `SQLITE_BUSY`. */
export type Driver = (path: string, options: { readonly timeout: number }) => Database;
