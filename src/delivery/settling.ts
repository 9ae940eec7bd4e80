/** Records what became of claims. */
import type { Attempt } from "../event/delivery.ts";
import type { Logger } from "../event/logger.ts";
import type { Claim, Outbox, Settlement } from "../outbox/outbox.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Changes } from "./changes.ts";
import type { DueAlarm } from "./due-alarm.ts";
import { sleep } from "../time/timers.ts";

export interface SettlingOptions {
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly now: () => number;
  /** Hears when what goes back into the outbox is due again. */
  readonly alarm: DueAlarm;
  readonly changes: Changes;
  readonly lifecycle: Required<Lifecycle>;
  /** Tells whether an endpoint was removed for good: nobody would ever send what waits for it. */
  readonly isBuried: (endpointId: string) => boolean;
}

/** Why a delivery is dead whose endpoint was removed for good. */
export const endpointRemoved = "endpoint removed";

/** Waits between tries; the last repeats. */
const triesAfterMs = [50, 200, 1000, 5000];
/** Tries of a worker that closes. */
const lastTries = 3;

export class Settling {
  readonly #options: SettlingOptions;
  readonly #whenSettled = new Map<string, () => void>();
  #running = 0;
  #closing = false;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#running === 0;
  }

  /** From now on gives up after a few tries: the lease runs out then, and the delivery is due again. */
  close(): void {
    this.#closing = true;
  }

  /** Calls `hear` when a settlement of the endpoint is recorded. Returns what ends that. */
  watch(endpointId: string, hear: () => void): () => void {
    this.#whenSettled.set(endpointId, hear);
    return () => {
      if (this.#whenSettled.get(endpointId) === hear) this.#whenSettled.delete(endpointId);
    };
  }

  /** Hands claims back without an attempt. */
  release(claims: readonly Claim[], dueAt = this.#options.now(), reason?: string): void {
    const settlement: Settlement = { kind: "release", dueAt, ...(reason === undefined ? {} : { reason }) };
    for (const claim of claims) {
      const decided = this.fateOf(claim, settlement);
      if (decided.kind === "dead") this.die(claim, decided.reason);
      else this.settle(claim, decided);
    }
  }

  /** Ends a claim without an attempt, for good. */
  die(claim: Claim, reason: string): void {
    this.#tellDeath(claim, reason);
    this.settle(claim, { kind: "dead", reason });
  }

  /** Returns what is to become of a claim: what would wait for an endpoint that was removed is kept as dead. */
  fateOf(claim: Claim, settlement: Settlement): Settlement {
    const waits = settlement.kind === "retry" || settlement.kind === "release";
    return waits && this.#options.isBuried(claim.endpointId)
      ? { kind: "dead", reason: endpointRemoved }
      : settlement;
  }

  /** Tries until the outbox has it. Nobody waits for that: the next attempt may begin meanwhile. */
  settle(claim: Claim, settlement: Settlement, attempt?: Attempt): void {
    this.#running += 1;
    void this.#settle(claim, settlement, attempt);
  }

  async #settle(claim: Claim, settlement: Settlement, attempt: Attempt | undefined): Promise<void> {
    const { outbox, logger, alarm, changes } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        await outbox.settle(claim, settlement, attempt);
        break;
      } catch (error) {
        logger.warn({ err: error, delivery: claim.id }, "settle failed");
        if (this.#closing && tries >= lastTries) break;
        await sleep(triesAfterMs[tries - 1] ?? 5000, undefined, { ref: false });
      }
    }
    this.#running -= 1;
    this.#whenSettled.get(claim.endpointId)?.();
    if (settlement.kind === "retry" || settlement.kind === "release") alarm.setFor(settlement.dueAt);
    changes.emit("change");
  }

  #tellDeath({ id: deliveryId, endpointId, event }: Claim, reason: string): void {
    const { lifecycle, now } = this.#options;
    const { id: eventId, type: eventType, createdAt } = event;
    const lagMs = now() - createdAt;
    lifecycle.settled({ deliveryId, eventId, eventType, endpointId, outcome: "dead", reason, lagMs });
  }
}
