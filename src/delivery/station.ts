/** One endpoint in the worker: its lane, its sender, and what follows for it from how its attempts end. */
import type { AttemptOutcome } from "../event/attempt-outcome.ts";
import type { Attempt } from "../event/delivery.ts";
import type { Endpoint } from "../event/endpoint.ts";
import type { Claim, Claims, Settlement } from "../outbox/outbox.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Attempted, Sender } from "./http/attempt.ts";
import { type FailingSpell, nextSpell } from "./policy/failing-spell.ts";
import type { Lane } from "./lane/lane.ts";
import { batchIdOf } from "./http/message.ts";
import { decideSettlement, disableReason, verdictOf } from "./policy/retry.ts";

/** Somebody must switch the endpoint off: the receiver asked for it, or it failed for too long. */
export interface DisableCause {
  readonly endpointId: string;
  readonly reason: string;
  /** Types of the events whose attempt was the last. */
  readonly eventTypes: readonly string[];
}

export interface StationOptions {
  readonly lifecycle: Required<Lifecycle>;
  readonly now: () => number;
  readonly random: () => number;
  readonly disable: (cause: DisableCause) => void;
}

export interface Concluded {
  readonly claim: Claim;
  readonly settlement: Settlement;
  readonly attempt: Attempt;
}

export class Station {
  readonly lane: Lane;
  readonly sender: Sender;
  readonly #endpoint: Endpoint;
  readonly #options: StationOptions;
  #spell: FailingSpell | undefined;

  constructor(lane: Lane, sender: Sender, options: StationOptions) {
    this.lane = lane;
    this.sender = sender;
    this.#endpoint = lane.endpoint;
    this.#options = options;
  }

  /** Since when nothing was delivered, Unix milliseconds; undefined while the endpoint is well. */
  get failingSince(): number | undefined {
    return this.#spell?.since;
  }

  /** Takes work again, with a clean slate. */
  resume(): void {
    this.#spell = undefined;
    this.lane.resume();
  }

  /** Tells everybody how a post ended, and decides what becomes of its deliveries: the same for all of a batch. */
  conclude(claims: Claims, attempted: Attempted): readonly Concluded[] {
    const { now, random } = this.#options;
    const { outcome } = attempted;
    const endedAt = now();
    const verdict = verdictOf(outcome, this.#endpoint.statusRules);
    const decided = decideSettlement(outcome, claims[0].attempt, this.#endpoint, endedAt, random);
    const retriesTogether = decided.kind === "retry" && this.#endpoint.batch !== undefined;
    const settlement = retriesTogether ? { ...decided, batch: batchIdOf(claims) } : decided;
    const concluded = claims.map((claim) => ({ claim, settlement, attempt: attemptOf(claim, attempted) }));
    for (const each of concluded) this.#tell(each, outcome, endedAt);
    this.lane.report(verdict === "retry");
    const tooLong = this.#watchSpell(verdict === "delivered", endedAt);
    const reason = disableReason(outcome, verdict) ?? tooLong;
    if (reason !== undefined) {
      const eventTypes = claims.map((claim) => claim.event.type);
      this.#options.disable({ endpointId: this.#endpoint.id, reason, eventTypes });
    }
    return concluded;
  }

  /** Written out: a spread before other properties costs fifty times as much (V8 11). */
  #tell({ claim, settlement, attempt }: Concluded, outcome: AttemptOutcome, endedAt: number): void {
    if (settlement.kind === "release") return;
    const { lifecycle } = this.#options;
    const { id: deliveryId, endpointId, replay, event } = claim;
    const { id: eventId, type: eventType } = event;
    const { traceId, spanId } = attempt;
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

  /** Answers why the endpoint must be switched off, once it has failed for too long. */
  #watchSpell(delivered: boolean, endedAt: number): string | undefined {
    const { id: endpointId, disableAfterMs } = this.#endpoint;
    const { spell, warn, disable } = nextSpell(this.#spell, delivered, disableAfterMs, endedAt);
    this.#spell = spell;
    if (spell === undefined || disableAfterMs === undefined) return undefined;
    const { since } = spell;
    if (warn !== undefined) {
      const disableAt = since + disableAfterMs;
      this.#options.lifecycle.endpointFailing({ endpointId, since, percent: warn, disableAt });
    }
    return disable ? `nothing but failure since ${new Date(since).toISOString()}` : undefined;
  }
}

function attemptOf(claim: Claim, { outcome, startedAt, span }: Attempted): Attempt {
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
