/** Whether a driver of SQLite loads in this Node, and databases as other programs open them. What needs one is skipped elsewhere, and says so. */
import type { Database } from "../../src/outbox/sqlite/driver.ts";
import { loadDriver } from "../../src/outbox/sqlite/drivers.ts";

function load(): boolean {
  try {
    loadDriver();
    return true;
  } catch {
    console.warn(`no driver of SQLite loads in Node ${process.version}: tests that need it are skipped`);
    return false;
  }
}

export const sqliteLoads = load();

/** Opens a file as another program would. */
export function openFile(path: string): Database {
  return loadDriver()(path, { timeout: 5000 });
}
