/** Stores events without end in the file it is given, and says of each, in a line, whether it was accepted. */
import { WebhookError } from "../../../src/event/errors.ts";
import { sqliteOutbox } from "../../../src/outbox/sqlite/index.ts";
import { startThreadAt } from "../../../src/outbox/sqlite/thread-start.ts";
import { ThreadedOutbox } from "../../../src/outbox/sqlite/threaded-outbox.ts";
import { submission } from "../../support/submission.ts";

const [path = "", synchronous = "FULL", lanes = "16"] = process.argv.slice(2);

const weakThread = new URL("weak-thread.ts", import.meta.url);
const outbox =
  synchronous === "FULL"
    ? sqliteOutbox({ path })
    : new ThreadedOutbox({ path }, (data) => startThreadAt(weakThread, data));
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
