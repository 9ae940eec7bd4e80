/** Holds the SQLite outbox to the outbox contract: as it is, and in a thread of its own, as programs have it. */
import { once } from "node:events";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { describe, it } from "vitest";
import { looksPerLease } from "../../src/outbox/sqlite/owner.ts";
import { SqliteOutbox } from "../../src/outbox/sqlite/sqlite-outbox.ts";
import { startThreadAt } from "../../src/outbox/sqlite/thread-start.ts";
import { ThreadedOutbox } from "../../src/outbox/sqlite/threaded-outbox.ts";
import { outboxSuite, reasonToSkip } from "../../src/testing/outbox-suite.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { type OpenSqlite, sqliteSubject } from "../support/sqlite-subject.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const tickingThread = new URL("../fixtures/ticking-thread.ts", import.meta.url);

const asItIs: OpenSqlite = (options, every) => new SqliteOutbox(options, every);

const inItsThread: OpenSqlite = (options, every) => {
  let worker: Worker | undefined;
  const outbox = new ThreadedOutbox(options, (data) => {
    worker = startThreadAt(tickingThread, data);
    return worker;
  });
  every(outbox.leaseMs / looksPerLease, async () => {
    if (worker === undefined) return;
    worker.postMessage("look");
    await once(worker, "message");
  });
  return outbox;
};

describe.skipIf(!sqliteLoads).each([
  ["the SQLite outbox", asItIs],
  ["the SQLite outbox in a thread of its own", inItsThread],
])("%s", (_, open) => {
  for (const { name, run, needs } of outboxSuite) {
    it(name, async ({ skip, onTestFinished }) => {
      const subject = sqliteSubject(join(temporaryFolder(), "outbox.db"), open);
      onTestFinished(() => subject.closeAll());
      const reason = reasonToSkip(needs, subject, await subject.open());
      if (reason !== undefined) skip(reason);
      await run(subject);
    });
  }
});
