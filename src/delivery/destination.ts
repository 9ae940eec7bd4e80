/** One endpoint in the worker: claims for its lane, and makes the attempts that the lane lets through. */
import type { Endpoint } from "../event/endpoint.ts";
import type { EndpointState } from "../event/endpoint-state.ts";
import type { Claim, Claims, Outbox } from "../outbox/outbox.ts";
import type { Tracing } from "../telemetry/trace-contract.ts";
import { Aftermath, type AftermathOptions } from "./aftermath.ts";
import type { Changes } from "./changes.ts";
import type { DueAlarm } from "./due-alarm.ts";
import { Sender } from "./http/attempt.ts";
import { cutOff, type Transport } from "./http/transport.ts";
import type { Gate } from "./lane/gate.ts";
import { type Granted, Lane } from "./lane/lane.ts";
import type { Circuit } from "./policy/circuit-breaker.ts";
import type { Shortage } from "./shortage.ts";

/** When what this process was too short to send is tried again. */
const afterShortageMs = 1000;

/** Longest time for which a lane takes "no more" for an answer. */
const longestHoldMs = 500;

/** What all destinations of a worker share. */
export interface DestinationOptions extends AftermathOptions {
  readonly outbox: Outbox;
  readonly transport: Transport;
  readonly tracing: Tracing;
  /** Names this process, to tell events it published itself. */
  readonly origin: string;
  readonly gate: Gate;
  readonly alarm: DueAlarm;
  readonly changes: Changes;
  readonly shortage: Shortage;
  /** Runs something in the worker's own async context: a lane's queue runs a task in that of the task before it. */
  readonly inContext: <Input, Result>(run: (input: Input) => Result, input: Input) => Result;
}

export class Destination {
  readonly endpoint: Endpoint;
  readonly lane: Lane;
  readonly #options: DestinationOptions;
  readonly #sender: Sender;
  readonly #aftermath: Aftermath;
  readonly #unwatch: (() => void) | undefined;
  #enabled: boolean;
  #hasSaidStricter = false;
  #started: boolean;
  /** Removed, or another has taken its place. */
  #left = false;

  /** Until it is `started`, nothing is claimed: what is stored waits in the outbox. */
  constructor(endpoint: Endpoint, enabled: boolean, started: boolean, options: DestinationOptions) {
    const { transport, tracing, now, monotonic, random, inContext, settling } = options;
    this.endpoint = endpoint;
    this.#options = options;
    this.#sender = new Sender(endpoint, transport, tracing, now);
    const claim = (limit: number): Promise<Granted> => this.#claim(limit);
    const attempt = (claims: Claims): Promise<void> => this.#attempt(claims);
    const release = (claims: readonly Claim[]): void => settling.release(claims);
    this.lane = new Lane(endpoint, {
      claim: (limit) => inContext(claim, limit),
      attempt: (claims) => inContext(attempt, claims),
      release: (claims) => inContext(release, claims),
      circuitChanged: (circuit) => this.#circuitChanged(circuit),
      now,
      monotonic,
      random,
    });
    this.#aftermath = new Aftermath(endpoint, this.lane, options);
    this.#unwatch = this.#watchLimits();
    this.#enabled = enabled;
    this.#started = started;
    if (!enabled || !started) this.lane.close();
  }

  /** Since when nothing was delivered, Unix milliseconds; undefined while the endpoint is well. */
  get failingSince(): number | undefined {
    return this.#aftermath.failingSince;
  }

  /** Takes over what is known of the endpoint from before, or from another process. */
  takeUp({ failingSince, circuitUntil = 0 }: Pick<EndpointState, "failingSince" | "circuitUntil">): void {
    if (failingSince !== undefined) this.#aftermath.takeUp(failingSince);
    const waitMs = circuitUntil - this.#options.now();
    if (waitMs > 0) this.lane.adoptCircuit(waitMs);
  }

  start(): void {
    this.#started = true;
    if (this.#enabled) this.lane.open();
  }

  setEnabled(enabled: boolean): void {
    this.#enabled = enabled;
    if (!enabled) return this.lane.close();
    this.#aftermath.forget();
    if (this.#started) this.lane.resume();
  }

  /** Takes nothing more, and hands back what has not begun. */
  leave(): void {
    this.#left = true;
    this.#unwatch?.();
    this.lane.close();
    this.#options.transport.forget(this.endpoint);
  }

  /** A settlement may let go what limits, or the order of a key, kept back. */
  #watchLimits(): (() => void) | undefined {
    const { id, limits } = this.endpoint;
    if (limits?.concurrency === undefined && limits?.order === undefined) return undefined;
    return this.#options.settling.watch(id, () => this.#started && this.lane.regain());
  }

  async #claim(limit: number): Promise<Granted> {
    const { outbox, logger, alarm, changes, now } = this.#options;
    const { id, limits } = this.endpoint;
    try {
      const { claims, nextAt, stricter } = await outbox.claim(id, limit, limits);
      if (stricter === true) this.#sayStricter();
      if (nextAt !== undefined) {
        // Nobody tells when another process gives a place back.
        const moreInMs = Math.min(Math.max(nextAt - now(), 1), longestHoldMs);
        alarm.setIn(moreInMs);
        return { claims, moreInMs };
      }
      // What this endpoint has due next was hidden behind what was due already: the outbox names one time for each.
      if (claims.length > 0 && claims.length < limit) alarm.setIn(0);
      return { claims };
    } catch (error) {
      logger.warn({ err: error, endpoint: id }, "claim failed");
      alarm.setIn(1000);
      return { claims: [] };
    } finally {
      changes.emit("change");
    }
  }

  /** Resolves when the exchange is over. It is recorded after that, so that the lane's place is free at once. */
  async #attempt(claims: Claims): Promise<void> {
    const { gate } = this.#options;
    const waiting = gate.enter(this);
    if (waiting !== undefined) await waiting;
    try {
      await this.#send(claims);
    } finally {
      gate.leave(this);
    }
  }

  async #send(claims: Claims): Promise<void> {
    const { origin, settling, now } = this.#options;
    // Since it was claimed the endpoint may have been removed or replaced.
    if (this.#left) return settling.release(claims);
    const expired = claims.filter(({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt <= now());
    if (expired.length > 0) return this.#sendUnlessExpired(claims, expired);
    const sameProcess = claims.every((claim) => claim.event.origin === origin);
    const attempted = await this.#sender.send(claims, sameProcess);
    const { outcome, ours } = attempted.outcome;
    if (ours !== undefined) return this.#handBack(claims, ours);
    if (outcome !== "unsendable" || claims.length === 1) return this.#aftermath.of(claims, attempted);
    // One of them spoils the batch: each goes alone, so that only that one is dead.
    for (const claim of claims) await this.#send([claim]);
  }

  async #sendUnlessExpired(claims: Claims, expired: readonly Claim[]): Promise<void> {
    for (const claim of expired) this.#options.settling.die(claim, "expired");
    const [first, ...others] = claims.filter((claim) => !expired.includes(claim));
    if (first !== undefined) await this.#send([first, ...others]);
  }

  /** Once: it holds as long as the other process lives. */
  #sayStricter(): void {
    if (this.#hasSaidStricter) return;
    this.#hasSaidStricter = true;
    this.#options.logger.warn(
      { endpoint: this.endpoint.id },
      "another process has stricter limits for this endpoint; they hold here too",
    );
  }

  /** It was no attempt of the endpoint's making. */
  #handBack(claims: Claims, ours: string): void {
    const { settling, shortage, now } = this.#options;
    if (ours === cutOff.ours) return settling.release(claims);
    shortage.report(ours, claims.length);
    settling.release(claims, now() + afterShortageMs, `this process: ${ours}`);
  }

  #remember({ state, ...circuit }: Circuit): void {
    const { remember, now } = this.#options;
    const { id } = this.endpoint;
    if (state === "open" && "until" in circuit) remember(id, { circuitUntil: circuit.until });
    if (state === "closed") remember(id, { circuitUntil: null, lastSuccessAt: now() });
  }

  #circuitChanged(circuit: Circuit): void {
    const { lifecycle, alarm, now } = this.#options;
    const { id: endpointId, circuitBreaker } = this.endpoint;
    const until = circuit.state === "open" ? { until: circuit.until } : {};
    this.#remember(circuit);
    lifecycle.circuitChanged({ endpointId, state: circuit.state, ...until });
    if (circuit.state === "open" && circuit.failureRate !== undefined) {
      const since = now() - (circuitBreaker?.rate?.windowMs ?? 0);
      lifecycle.endpointFailing({ endpointId, since, failureRate: circuit.failureRate });
    }
    const { probeInMs } = this.lane;
    if (probeInMs !== undefined) alarm.setIn(probeInMs);
  }
}
