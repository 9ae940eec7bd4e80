/**
 * Gathers claims of one endpoint into the sets that are posted together.
 *
 * New deliveries wait for company, up to a number and a time. Those that failed together are tried again together,
 * nobody else among them, so that a retry has the same bytes and the same `webhook-id`. Where some of them do not
 * come back (another process holds them after a crash), the rest goes out after a while as a batch of its own: under
 * another id, because to the receiver it is another message.
 */
import type { Claim, Claims } from "../../outbox/outbox.ts";
import { batchSize } from "../batch-id.ts";
import { clearTimeout, setTimeout } from "../../time/timers.ts";

/** No batch grows beyond what receivers commonly take; one larger event goes alone. */
const maxBytes = 1_048_576;

interface Gathering {
  readonly claims: [Claim, ...Claim[]];
  /** Of those that failed together. */
  readonly batchId: string | undefined;
  /** How many it goes out with. */
  readonly size: number;
  bytes: number;
  readonly timer: NodeJS.Timeout;
}

export class Batcher {
  readonly #maxEvents: number;
  readonly #maxWaitMs: number;
  readonly #patienceMs: number;
  readonly #post: (claims: Claims) => void;
  readonly #gatherings = new Map<string, Gathering>();

  /** `patienceMs` is the shortest wait for those that failed together: what is ahead of them in the queue takes time. */
  constructor(
    batch: { readonly maxEvents: number; readonly maxWaitMs: number },
    patienceMs: number,
    post: (claims: Claims) => void,
  ) {
    this.#maxEvents = batch.maxEvents;
    this.#maxWaitMs = batch.maxWaitMs;
    this.#patienceMs = Math.max(batch.maxWaitMs, patienceMs);
    this.#post = post;
  }

  add(claim: Claim): void {
    // Whoever is at the same attempt shares its end: all of a batch are retried, or all are dead.
    const key = claim.batch ?? `${claim.replay}/${claim.attempt}`;
    const { length } = claim.event.body;
    const begun = this.#gatherings.get(key);
    if (begun !== undefined && claim.batch === undefined && begun.bytes + length > maxBytes) this.#send(key);
    const gathering = this.#gatherings.get(key) ?? this.#begin(key, claim);
    if (gathering.claims[0] !== claim) gathering.claims.push(claim);
    gathering.bytes += length;
    if (gathering.claims.length >= gathering.size) this.#send(key);
  }

  /** Posts what is new and waits for company. Those that failed together are still waited for. */
  flush(): void {
    for (const [key, { batchId }] of [...this.#gatherings]) if (batchId === undefined) this.#send(key);
  }

  /** Gives back everything that waits. */
  clear(): Claim[] {
    const gatherings = [...this.#gatherings.values()];
    this.#gatherings.clear();
    for (const { timer } of gatherings) clearTimeout(timer);
    return gatherings.flatMap(({ claims }) => claims);
  }

  #begin(key: string, claim: Claim): Gathering {
    const batchId = claim.batch;
    const waitMs = batchId === undefined ? this.#maxWaitMs : this.#patienceMs;
    const timer = setTimeout(() => this.#send(key), waitMs);
    timer.unref();
    const size = batchId === undefined ? this.#maxEvents : batchSize(batchId);
    const gathering: Gathering = { claims: [claim], batchId, size, bytes: 0, timer };
    this.#gatherings.set(key, gathering);
    return gathering;
  }

  #send(key: string): void {
    const gathering = this.#gatherings.get(key);
    if (gathering === undefined) return;
    this.#gatherings.delete(key);
    clearTimeout(gathering.timer);
    this.#post(gathering.claims);
  }
}
