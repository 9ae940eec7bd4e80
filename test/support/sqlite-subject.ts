/** A SQLite file and a clock as the published suite asks for them, whoever has the file open. */
import type { Outbox } from "../../src/outbox/outbox.ts";
import type { SqliteOutboxOptions } from "../../src/outbox/sqlite/options.ts";
import type { OutboxSubject } from "../../src/testing/outbox-suite.ts";

/** Calls a task again and again, until the function it returns is called. */
type SubjectTicker = (intervalMs: number, task: () => void | Promise<void>) => () => void;

export type OpenSqlite = (options: SqliteOutboxOptions, every: SubjectTicker) => Outbox;

interface Tick {
  readonly intervalMs: number;
  readonly task: () => void | Promise<void>;
  nextAt: number;
}

/** Every outbox on the file ticks by the clock until it crashes. */
export function sqliteSubject(
  path: string,
  openSqlite: OpenSqlite,
): OutboxSubject & { closeAll(): Promise<void> } {
  let now = 1_790_000_000_000;
  const opened: Outbox[] = [];
  const ticks = new Map<Outbox, Set<Tick>>();

  async function open(maxDeliveries?: number): Promise<Outbox> {
    const own = new Set<Tick>();
    const every: SubjectTicker = (intervalMs, task) => {
      const tick = { intervalMs, task, nextAt: now + intervalMs };
      own.add(tick);
      return () => own.delete(tick);
    };
    const limit = maxDeliveries === undefined ? {} : { maxDeliveries };
    const outbox = openSqlite({ path, now: () => now, groupCommitMs: 0, ...limit }, every);
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
      await next.tick.task();
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
