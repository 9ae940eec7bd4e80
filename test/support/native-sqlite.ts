/** Whether better-sqlite3, which is compiled for one Node, loads in this one: what needs it is skipped elsewhere, and says so. */
import { createRequire } from "node:module";
import type BetterSqlite3 from "better-sqlite3";

function load(): boolean {
  try {
    const Driver = createRequire(import.meta.url)("better-sqlite3") as typeof BetterSqlite3;
    new Driver(":memory:").close();
    return true;
  } catch {
    console.warn(`better-sqlite3 is not built for Node ${process.version}: tests that need it are skipped`);
    return false;
  }
}

export const sqliteLoads = load();
