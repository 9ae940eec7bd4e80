/** Tells observers how long each operation of an outbox took. */
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Outbox } from "./outbox.ts";

type Operation =
  | "put"
  | "claim"
  | "settle"
  | "due"
  | "find"
  | "get"
  | "event"
  | "replay"
  | "bury"
  | "counts"
  | "prune";

const operations: readonly Operation[] = [
  "put",
  "claim",
  "settle",
  "due",
  "find",
  "get",
  "event",
  "replay",
  "bury",
  "counts",
  "prune",
];

/** Returns the same outbox, watched. */
export function timeOutbox(outbox: Outbox, lifecycle: Required<Lifecycle>): Outbox {
  const timed: Record<string, unknown> = {};
  for (const operation of operations) {
    const run = outbox[operation].bind(outbox) as (...input: unknown[]) => Promise<unknown>;
    timed[operation] = function timedOperation(...input: unknown[]): Promise<unknown> {
      const startedAt = performance.now();
      const done = run(...input);
      done.then(
        () => lifecycle.outboxUsed({ operation, durationMs: performance.now() - startedAt }),
        (error: unknown) =>
          lifecycle.outboxUsed({ operation, durationMs: performance.now() - startedAt, error }),
      );
      return done;
    };
  }
  return Object.assign(Object.create(outbox) as Outbox, timed);
}
