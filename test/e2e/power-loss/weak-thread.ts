/** The control of the power cut: the thread of a SQLite outbox without the setting that durability rests on. */
import type { Database } from "../../../src/outbox/sqlite/driver.ts";
import { loadDriver } from "../../../src/outbox/sqlite/drivers.ts";

const probe = loadDriver()(":memory:", { timeout: 0 });
const prototype = Object.getPrototypeOf(probe) as Database;
probe.close();
const pragma = Reflect.get(prototype, "pragma") as (
  this: Database,
  ...words: Parameters<Database["pragma"]>
) => unknown;
prototype.pragma = function weakPragma(source, options) {
  return pragma.call(this, source.replace("synchronous = FULL", "synchronous = NORMAL"), options);
};

await import("../../../src/outbox/sqlite/thread.ts");
