/** Holds the SQLite outbox to the outbox contract. */
import { join } from "node:path";
import { describe, it } from "vitest";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { SqliteOutbox } from "../../src/outbox/sqlite/sqlite-outbox.ts";
import type { Ticker } from "../../src/outbox/ticker.ts";
import { outboxSuite, reasonToSkip } from "../../src/testing/outbox-suite.ts";
import type { OutboxSubject } from "../../src/testing/outbox-suite.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Tick {
  readonly intervalMs: number;
  readonly task: () => void;
  nextAt: number;
}

/** A file and a clock; every outbox on it ticks by that clock until it crashes. */
function sqliteSubject(path: string): OutboxSubject & { closeAll(): Promise<void> } {
  let now = 1_790_000_000_000;
  const opened: Outbox[] = [];
  const ticks = new Map<Outbox, Set<Tick>>();

  async function open(maxDeliveries?: number): Promise<Outbox> {
    const own = new Set<Tick>();
    const every: Ticker = (intervalMs, task) => {
      const tick = { intervalMs, task, nextAt: now + intervalMs };
      own.add(tick);
      return () => own.delete(tick);
    };
    const limit = maxDeliveries === undefined ? {} : { maxDeliveries };
    const outbox = new SqliteOutbox({ path, now: () => now, groupCommitMs: 0, ...limit }, every);
    opened.push(outbox);
    ticks.set(outbox, own);
    return outbox;
  }

  async function advance(ms: number): Promise<void> {
    const end = now + ms;
    for (;;) {
      const due = [...ticks].flatMap(([outbox, own]) => [...own].map((tick) => ({ outbox, tick })));
      const [next] = due.sort((left, right) => left.tick.nextAt - right.tick.nextAt);
      if (next === undefined || next.tick.nextAt > end) break;
      now = next.tick.nextAt;
      next.tick.nextAt += next.tick.intervalMs;
      next.tick.task();
      // Resolves after what the tick wanted to write was written.
      await next.outbox.ping();
    }
    now = end;
  }

  return {
    open,
    openBounded: open,
    now: () => now,
    advance,
    crash: async (outbox) => {
      ticks.delete(outbox);
    },
    closeAll: async () => {
      for (const outbox of opened) await outbox.close();
    },
  };
}

describe.skipIf(!sqliteLoads)("the SQLite outbox", () => {
  for (const { name, run, needs } of outboxSuite) {
    it(name, async ({ skip, onTestFinished }) => {
      const subject = sqliteSubject(join(temporaryFolder(), "outbox.db"));
      onTestFinished(() => subject.closeAll());
      const reason = reasonToSkip(needs, subject, await subject.open());
      if (reason !== undefined) skip(reason);
      await run(subject);
    });
  }
});
