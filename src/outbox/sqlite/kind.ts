/** The SQLite outbox as one of the stores that may be chosen; it is loaded when it is opened. */
import { resolve } from "node:path";
import type { OutboxKind } from "../kind.ts";
import { sqliteGuarantees, type SqliteOutboxOptions, sqliteOptions } from "./options.ts";

export const sqliteKind: OutboxKind<SqliteOutboxOptions> = {
  name: "sqlite",
  title: "SQLite",
  guarantees: sqliteGuarantees,
  isOurs: true,
  options: sqliteOptions,
  fromText: {
    expected: "a path",
    read: (text, directory) => (text.includes("://") ? undefined : { path: resolve(directory, text) }),
  },
  async open(options, { now, logger }) {
    const { sqliteOutbox } = await import("./index.ts");
    return sqliteOutbox({ ...options, now, logger });
  },
};
