/** Tells observers how long each operation of an outbox took. */
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Outbox } from "./outbox.ts";

/** Returns an outbox that does the same and is watched. */
export function timeOutbox(outbox: Outbox, lifecycle: Required<Lifecycle>): Outbox {
  function timed<Input extends unknown[], Result>(
    operation: string,
    run: (...input: Input) => Promise<Result>,
  ): (...input: Input) => Promise<Result> {
    return function timedOperation(...input) {
      const startedAt = performance.now();
      const done = run.apply(outbox, input);
      done.then(
        () => lifecycle.outboxUsed({ operation, durationMs: performance.now() - startedAt }),
        (error: unknown) =>
          lifecycle.outboxUsed({ operation, durationMs: performance.now() - startedAt, error }),
      );
      return done;
    };
  }
  return {
    contract: outbox.contract,
    name: outbox.name,
    guarantees: outbox.guarantees,
    leaseMs: outbox.leaseMs,
    put: timed("put", outbox.put),
    ...(outbox.putSync === undefined ? {} : { putSync: outbox.putSync.bind(outbox) }),
    claim: timed("claim", outbox.claim),
    settle: timed("settle", outbox.settle),
    due: timed("due", outbox.due),
    find: timed("find", outbox.find),
    get: timed("get", outbox.get),
    event: timed("event", outbox.event),
    replay: timed("replay", outbox.replay),
    bury: timed("bury", outbox.bury),
    counts: timed("counts", outbox.counts),
    prune: timed("prune", outbox.prune),
    ping: outbox.ping.bind(outbox),
    close: outbox.close.bind(outbox),
  };
}
