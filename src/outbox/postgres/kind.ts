/** The Postgres outbox as one of the stores that may be chosen; it and what it needs are loaded when it is opened. */
import type { OutboxKind } from "../kind.ts";
import { defaultSchema, postgresChoice, type PostgresChoice, postgresUrl } from "./options.ts";

export const postgresKind: OutboxKind<PostgresChoice> = {
  name: "postgres",
  title: "Postgres",
  guarantees: { durable: true, shared: true, transactional: true, clusterLimits: true },
  isOurs: true,
  options: postgresChoice,
  fromText: {
    expected: postgresUrl.expected,
    read: (text) => (postgresUrl.pattern.test(text) ? { url: text } : undefined),
  },
  async open({ url, ...options }, surroundings) {
    const { postgresOutbox } = await import("./index.ts");
    return postgresOutbox({ connectionString: url, ...options, ...surroundings });
  },
  async examine(options) {
    const { examinePostgres } = await import("./examine.ts");
    return examinePostgres(options);
  },
  migrations: {
    async sql({ schema }) {
      const { migrationSql } = await import("./migrations.ts");
      return migrationSql(schema ?? defaultSchema);
    },
    async apply(options) {
      const { sizeOfPostgres } = await import("./examine.ts");
      return sizeOfPostgres(options);
    },
  },
  async readClock(options) {
    const { readPostgresClock } = await import("./examine.ts");
    return readPostgresClock(options);
  },
};
