/** What follows from how an attempt ended: for its deliveries, for the observers, and for the endpoint. */
import type { AttemptOutcome } from "../event/attempt-outcome.ts";
import type { Attempt } from "../event/delivery.ts";
import type { Endpoint } from "../event/endpoint.ts";
import type { StateChange } from "../event/endpoint-state.ts";
import type { Logger } from "../event/logger.ts";
import type { Claim, Claims, Settlement } from "../outbox/outbox.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import { batchIdOf } from "./batch-id.ts";
import type { Attempted } from "./http/attempt.ts";
import type { Lane } from "./lane/lane.ts";
import { type FailingSpell, nextSpell } from "./policy/failing-spell.ts";
import { decideSettlement, disableReason, verdictOf } from "./policy/retry.ts";
import type { Settling } from "./settling.ts";

/** Somebody must switch the endpoint off: the receiver asked for it, or it failed for too long. */
export interface DisableCause {
  readonly endpointId: string;
  readonly reason: string;
  /** Types of the events whose attempt was the last. */
  readonly eventTypes: readonly string[];
}

export interface AftermathOptions {
  readonly lifecycle: Required<Lifecycle>;
  readonly logger: Logger;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly random: () => number;
  /** Switches an endpoint off. */
  readonly disable: (cause: DisableCause) => void;
  readonly settling: Settling;
  /** Keeps what changed of an endpoint's state. */
  readonly remember: (endpointId: string, change: StateChange) => void;
}

export class Aftermath {
  readonly #endpoint: Endpoint;
  readonly #lane: Lane;
  readonly #options: AftermathOptions;
  /** By the monotonic clock: a clock that is set switches nothing off. */
  #spell: FailingSpell | undefined;
  /** When the spell began, Unix milliseconds. */
  #failingSince: number | undefined;

  constructor(endpoint: Endpoint, lane: Lane, options: AftermathOptions) {
    this.#endpoint = endpoint;
    this.#lane = lane;
    this.#options = options;
  }

  get failingSince(): number | undefined {
    return this.#failingSince;
  }

  /** Begins with a clean slate. */
  forget(): void {
    this.#spell = undefined;
    this.#failingSince = undefined;
  }

  /** Goes on with a spell that began in another process, or before this one started. */
  takeUp(failingSince: number): void {
    if (this.#spell !== undefined) return;
    const { now, monotonic } = this.#options;
    const at = monotonic();
    this.#spell = { since: at - Math.max(0, now() - failingSince), lastAt: at, warned: 0 };
    this.#failingSince = failingSince;
  }

  /** Tells everybody how a post ended, and settles its deliveries: in the same way for all of a batch. */
  of(claims: Claims, attempted: Attempted): void {
    const { now, random, settling, disable } = this.#options;
    const { outcome } = attempted;
    const endedAt = now();
    const verdict = verdictOf(outcome, this.#endpoint.statusRules);
    const decided = decideSettlement(outcome, claims[0].attempt, this.#endpoint, endedAt, random);
    const retriesTogether = decided.kind === "retry" && this.#endpoint.batch !== undefined;
    const settlement = retriesTogether ? { ...decided, batch: batchIdOf(claims) } : decided;
    for (const claim of claims) {
      const record = recordOf(claim, attempted);
      const fate = settling.fateOf(claim, settlement);
      this.#tell(claim, fate, record, outcome, endedAt);
      settling.settle(claim, fate, record);
    }
    // It says nothing of the endpoint.
    if (outcome.outcome === "unsendable") return;
    this.#lane.report(verdict === "retry");
    const tooLong = this.#watchSpell(verdict === "delivered", endedAt);
    const reason = disableReason(outcome, verdict) ?? tooLong;
    if (reason === undefined) return;
    disable({ endpointId: this.#endpoint.id, reason, eventTypes: claims.map(({ event }) => event.type) });
  }

  /** Written out: a spread before other properties costs fifty times as much (V8 11). */
  #tell(
    claim: Claim,
    settlement: Settlement,
    { traceId, spanId }: Attempt,
    outcome: AttemptOutcome,
    endedAt: number,
  ): void {
    if (settlement.kind === "release") return;
    const { lifecycle } = this.#options;
    const { id: deliveryId, endpointId, replay, event } = claim;
    const { id: eventId, type: eventType } = event;
    const next = settlement.kind;
    lifecycle.attempted({
      deliveryId,
      eventId,
      eventType,
      endpointId,
      attempt: claim.attempt,
      replay,
      outcome,
      next,
      nextAt: next === "retry" ? settlement.dueAt : undefined,
      traceId,
      spanId,
    });
    if (next === "retry") return;
    lifecycle.settled({
      deliveryId,
      eventId,
      eventType,
      endpointId,
      outcome: next,
      reason: next === "dead" ? settlement.reason : undefined,
      lagMs: endedAt - event.createdAt,
      traceId,
      spanId,
    });
  }

  /** Returns why the endpoint must be switched off, once it has failed for too long. */
  #watchSpell(delivered: boolean, endedAt: number): string | undefined {
    if (delivered && this.#spell === undefined) return undefined;
    const { id: endpointId, disableAfterMs } = this.#endpoint;
    const { monotonic, lifecycle } = this.#options;
    const at = monotonic();
    const { spell, warn, disable } = nextSpell(this.#spell, delivered, disableAfterMs, at);
    if (spell?.since !== this.#spell?.since) {
      this.#failingSince = spell && endedAt;
      const last = spell === undefined ? { lastSuccessAt: endedAt } : { lastFailureAt: endedAt };
      this.#options.remember(endpointId, { failingSince: this.#failingSince ?? null, ...last });
    }
    this.#spell = spell;
    const since = this.#failingSince;
    if (spell === undefined || since === undefined || disableAfterMs === undefined) return undefined;
    if (warn !== undefined) {
      const disableAt = Math.round(endedAt + disableAfterMs - (at - spell.since));
      lifecycle.endpointFailing({ endpointId, since, percent: warn, disableAt });
    }
    return disable ? `nothing but failure since ${new Date(since).toISOString()}` : undefined;
  }
}

function recordOf(claim: Claim, { outcome, startedAt, span }: Attempted): Attempt {
  const { traceId, spanId } = span;
  return {
    number: claim.attempt,
    replay: claim.replay,
    startedAt,
    durationMs: outcome.durationMs,
    outcome: outcome.outcome,
    ...(outcome.status === undefined ? {} : { status: outcome.status }),
    ...(traceId === undefined || spanId === undefined ? {} : { traceId, spanId }),
    ...(outcome.response === undefined ? {} : { response: outcome.response }),
  };
}
