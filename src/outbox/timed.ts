/** Runs the operations of an outbox as work of our own, and tells observers how long each took. */
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Outbox } from "./outbox.ts";

/** Returns an outbox that does the same and is watched. `asOwnWork` keeps what it does from becoming events and spans. */
export function timeOutbox(
  outbox: Outbox,
  lifecycle: Required<Lifecycle>,
  asOwnWork: <Result>(run: () => Result) => Result,
): Outbox {
  function timed<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now();
    const done = asOwnWork(run);
    done.then(
      () => lifecycle.outboxUsed({ operation, durationMs: performance.now() - startedAt }),
      (error: unknown) =>
        lifecycle.outboxUsed({ operation, durationMs: performance.now() - startedAt, error }),
    );
    return done;
  }
  const { contract, name, guarantees, leaseMs } = outbox;
  return {
    contract,
    name,
    guarantees,
    leaseMs,
    put: (submissions) => timed("put", () => outbox.put(submissions)),
    ...(outbox.putSync && { putSync: (submissions) => asOwnWork(() => outbox.putSync?.(submissions)) }),
    claim: (endpointId, limit) => timed("claim", () => outbox.claim(endpointId, limit)),
    settle: (claim, settlement, attempt) => timed("settle", () => outbox.settle(claim, settlement, attempt)),
    due: () => timed("due", () => outbox.due()),
    find: (query) => timed("find", () => outbox.find(query)),
    get: (deliveryId) => timed("get", () => outbox.get(deliveryId)),
    event: (eventId) => timed("event", () => outbox.event(eventId)),
    replay: (selection) => timed("replay", () => outbox.replay(selection)),
    bury: (endpointId, reason) => timed("bury", () => outbox.bury(endpointId, reason)),
    counts: () => timed("counts", () => outbox.counts()),
    prune: (limits) => timed("prune", () => outbox.prune(limits)),
    ping: () => asOwnWork(() => outbox.ping()),
    close: () => asOwnWork(() => outbox.close()),
  };
}
