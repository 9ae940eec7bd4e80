/** Stores events without end in the file it is given, and says of each, in a line, whether it was accepted. */
import { WebhookError } from "../../../src/event/errors.ts";
import type { Database } from "../../../src/outbox/sqlite/driver.ts";
import { loadDriver } from "../../../src/outbox/sqlite/drivers.ts";
import { sqliteOutbox } from "../../../src/outbox/sqlite/index.ts";
import { submission } from "../../support/submission.ts";

const [path = "", synchronous = "FULL", lanes = "16"] = process.argv.slice(2);

// The control: the same program, without the setting that durability rests on.
const probe = loadDriver()(":memory:", { timeout: 0 });
const prototype = Object.getPrototypeOf(probe) as Database;
probe.close();
const pragma = Reflect.get(prototype, "pragma") as (
  this: Database,
  ...words: Parameters<Database["pragma"]>
) => unknown;
prototype.pragma = function pragmaOfTheRun(source, options) {
  return pragma.call(this, source.replace("synchronous = FULL", `synchronous = ${synchronous}`), options);
};

const outbox = sqliteOutbox({ path });
let count = 0;

async function storeForEver(): Promise<never> {
  for (;;) {
    const id = `evt_${process.pid}_${(count += 1)}`;
    try {
      await outbox.put([submission(id, { body: Buffer.alloc(1000, id) })]);
      process.stdout.write(`accepted ${id}\n`);
    } catch (error) {
      process.stdout.write(`refused ${WebhookError.is(error) ? error.code : String(error)}\n`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, storeForEver));
