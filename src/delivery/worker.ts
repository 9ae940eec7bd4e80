/** Delivers what the outbox holds: a lane per endpoint, one timer for all that is due later, and nothing polled idly. */
import { AsyncResource } from "node:async_hooks";
import type { Attempt } from "../event/delivery.ts";
import type { Endpoint } from "../event/endpoint.ts";
import type { Logger } from "../event/logger.ts";
import type { Claim, Claims, Outbox, Settlement } from "../outbox/outbox.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Tracing } from "../telemetry/trace-contract.ts";
import { Sender } from "./http/attempt.ts";
import type { Circuit } from "./policy/circuit-breaker.ts";
import { Gate } from "./lane/gate.ts";
import { Lane, type LaneWork } from "./lane/lane.ts";
import { type DisableCause, Station } from "./station.ts";
import type { Transport } from "./http/transport.ts";

export interface WorkerOptions {
  readonly outbox: Outbox;
  readonly transport: Transport;
  readonly tracing: Tracing;
  readonly lifecycle: Required<Lifecycle>;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** Names this process, to tell events it published itself. */
  readonly origin: string;
  /** Attempts at once over all endpoints. */
  readonly maxInFlight: number;
  /** Switches an endpoint off. */
  readonly disable: (cause: DisableCause) => void;
}

/** How often a store shared with other processes is asked for what they put in. */
const sharedPollMs = 500;
/** Longest sleep: due times are wall-clock times, and clocks are set. */
const longestSleepMs = 60_000;
/** Waits between tries to record what became of an attempt. */
const settleRetryMs = [50, 200, 1000, 5000];

export class Worker {
  readonly #options: WorkerOptions;
  readonly #stations = new Map<string, Station>();
  /** Lanes of endpoints that are gone, while their last posts run. */
  readonly #dismissed = new Set<Lane>();
  readonly #gate: Gate;
  /** p-queue would run a task in the async context of whoever queued before it; everything here runs in this one. */
  readonly #context = new AsyncResource("mova-webhooks.worker");
  readonly #idleWaiters = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #settling = 0;
  #closing = false;
  /** Attempts still running were cut off by the end of this worker. */
  #cut = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#gate = new Gate(options.maxInFlight);
  }

  /** Starts to deliver: asks the outbox what is due. */
  async start(): Promise<void> {
    await this.#look();
  }

  addEndpoint(endpoint: Endpoint, enabled: boolean): void {
    const { transport, tracing, now } = this.#options;
    const lane = this.#context.runInAsyncScope(() => new Lane(endpoint, this.#laneWork(endpoint.id)));
    if (!enabled) lane.close();
    const sender = new Sender(endpoint, transport, tracing, now);
    this.#stations.set(endpoint.id, new Station(lane, sender, this.#options));
  }

  /** Puts the new one in place before the old lane hands back what it holds: it goes to the new one. */
  replaceEndpoint(endpoint: Endpoint, enabled: boolean): void {
    const before = this.lane(endpoint.id);
    this.addEndpoint(endpoint, enabled);
    if (before !== undefined) this.#dismiss(before);
  }

  removeEndpoint(endpointId: string): void {
    const lane = this.#stations.get(endpointId)?.lane;
    if (lane === undefined) return;
    this.#stations.delete(endpointId);
    this.#dismiss(lane);
  }

  setEnabled(endpointId: string, enabled: boolean): void {
    const station = this.#stations.get(endpointId);
    if (enabled) this.#context.runInAsyncScope(() => station?.resume());
    else station?.lane.close();
  }

  lane(endpointId: string): Lane | undefined {
    return this.#stations.get(endpointId)?.lane;
  }

  /** Since when the endpoint has done nothing but fail, Unix milliseconds. */
  failingSince(endpointId: string): number | undefined {
    return this.#stations.get(endpointId)?.failingSince;
  }

  /**
   * Promises a place to a delivery that is about to be stored. Answers the lane that did: it is the one to accept or
   * forgo it, also where the endpoint has been replaced meanwhile.
   */
  reserve(endpointId: string): Lane | undefined {
    const lane = this.lane(endpointId);
    return lane?.reserve() === true ? lane : undefined;
  }

  /** Runs a claim that the outbox granted while storing. */
  accept(lane: Lane, claim: Claim): void {
    this.#context.runInAsyncScope(() => lane.accept(claim));
  }

  /** Takes a promised place back. */
  forgo(lane: Lane): void {
    this.#context.runInAsyncScope(() => lane.forgo());
  }

  /** Says that an endpoint has something due in the outbox. */
  wake(endpointId: string): void {
    this.#context.runInAsyncScope(() => this.#stations.get(endpointId)?.lane.wake());
  }

  wakeAll(): void {
    for (const endpointId of this.#stations.keys()) this.wake(endpointId);
  }

  /**
   * Resolves with true once nothing is in flight or due, with false when `deadlineMs` are over before. Like a retry,
   * what waits behind an open circuit or a switched-off endpoint is due later; what waits for a batch goes out now.
   */
  async drain(deadlineMs: number): Promise<boolean> {
    const deadline = performance.now() + deadlineMs;
    while (!(await this.#nothingToDo())) {
      this.#context.runInAsyncScope(() => {
        for (const { lane } of this.#stations.values()) lane.flush();
      });
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#nextChange(Math.min(leftMs, 100));
    }
    return true;
  }

  /** Stops to claim, waits for what is in flight until the deadline, cuts the rest; what was not sent is handed back. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    for (const { lane } of this.#stations.values()) lane.close();
    const deadline = performance.now() + deadlineMs;
    while (!this.#quiet() && performance.now() < deadline) {
      await this.#nextChange(Math.min(deadline - performance.now(), 100));
    }
    this.#cut = true;
    await this.#options.transport.close();
    const grace = performance.now() + 1000;
    while (!this.#quiet() && performance.now() < grace) await this.#nextChange(50);
  }

  #dismiss(lane: Lane): void {
    lane.close();
    this.#options.transport.forget(lane.endpoint);
    for (const other of this.#dismissed) if (other.idle) this.#dismissed.delete(other);
    this.#dismissed.add(lane);
  }

  #laneWork(endpointId: string): LaneWork {
    return {
      claim: (limit) => this.#claim(endpointId, limit),
      attempt: (claims) => this.#attempt(endpointId, claims),
      release: (claim) => this.#release(claim),
      circuitChanged: (circuit) => this.#circuitChanged(endpointId, circuit),
      now: this.#options.now,
      random: this.#options.random,
    };
  }

  async #claim(endpointId: string, limit: number): Promise<readonly Claim[]> {
    try {
      const claims = await this.#options.outbox.claim(endpointId, limit);
      // What this endpoint has due next was hidden behind what was due already: the outbox names one time for each.
      if (claims.length > 0 && claims.length < limit) this.#arm(this.#options.now());
      return claims;
    } catch (error) {
      this.#options.logger.warn({ err: error, endpoint: endpointId }, "claim failed");
      this.#arm(this.#options.now() + 1000);
      return [];
    } finally {
      this.#changed();
    }
  }

  /** Leaves when the exchange is over; recording it goes on behind, so that the lane's place is free again. */
  async #attempt(endpointId: string, claims: Claims): Promise<void> {
    const station = this.#stations.get(endpointId);
    if (station === undefined) return claims.forEach((claim) => this.#release(claim));
    const waiting = this.#gate.enter(station);
    if (waiting !== undefined) await waiting;
    try {
      // Meanwhile this may have been closed, and the endpoint removed or replaced.
      if (this.#cut || this.#stations.get(endpointId) !== station) {
        return claims.forEach((claim) => this.#release(claim));
      }
      const sameProcess = claims.every((claim) => claim.event.origin === this.#options.origin);
      const attempted = await station.sender.send(claims, sameProcess);
      // What our own end cut off was no attempt of the endpoint's making: it is handed back.
      if (this.#cut && attempted.outcome.status === undefined) {
        for (const claim of claims) this.#release(claim);
        return;
      }
      for (const { claim, settlement, attempt } of station.conclude(claims, attempted)) {
        void this.#settle(claim, settlement, attempt);
      }
    } catch (error) {
      this.#options.logger.error({ err: error, delivery: claims[0].id }, "attempt could not be made");
      for (const claim of claims) this.#release(claim, this.#options.now() + 60_000);
    } finally {
      this.#gate.leave(station);
    }
  }

  #circuitChanged(endpointId: string, circuit: Circuit): void {
    const until = circuit.state === "open" ? { until: circuit.until } : {};
    this.#options.lifecycle.circuitChanged({ endpointId, state: circuit.state, ...until });
    this.#arm(until.until ?? Number.POSITIVE_INFINITY);
  }

  #release(claim: Claim, dueAt = this.#options.now()): void {
    void this.#settle(claim, { kind: "release", dueAt });
  }

  /** Tries until the outbox has it, or this worker closes: then the lease runs out and the delivery is due again. */
  async #settle(claim: Claim, decided: Settlement, attempt?: Attempt): Promise<void> {
    const settlement = this.#unlessRemoved(claim, decided);
    this.#settling += 1;
    for (let tries = 0; ; tries += 1) {
      try {
        await this.#options.outbox.settle(claim, settlement, attempt);
        break;
      } catch (error) {
        this.#options.logger.warn({ err: error, delivery: claim.id }, "settle failed");
        if (this.#closing && tries >= 2) break;
        await sleep(settleRetryMs[Math.min(tries, settleRetryMs.length - 1)] ?? 5000);
      }
    }
    this.#settling -= 1;
    if (settlement.kind === "retry" || settlement.kind === "release") this.#arm(settlement.dueAt);
    this.#changed();
  }

  /** Nobody would ever send it again: it is kept as dead, like what waited when the endpoint was removed. */
  #unlessRemoved(claim: Claim, settlement: Settlement): Settlement {
    const waits = settlement.kind === "retry" || settlement.kind === "release";
    return waits && !this.#stations.has(claim.endpointId)
      ? { kind: "dead", reason: "endpoint removed" }
      : settlement;
  }

  /** Wakes the lanes that have something due, and sleeps until the next is. */
  async #look(): Promise<void> {
    try {
      const { endpointIds, nextAt } = await this.#options.outbox.due();
      // Before the lanes wake: a circuit whose wait ends in between is probed by the waking.
      this.#armCircuits();
      for (const endpointId of endpointIds) this.wake(endpointId);
      if (nextAt !== undefined) this.#arm(nextAt);
      if (this.#options.outbox.guarantees.shared) this.#arm(this.#options.now() + sharedPollMs);
    } catch (error) {
      this.#options.logger.warn({ err: error }, "outbox did not answer");
      this.#arm(this.#options.now() + 1000);
    }
  }

  /** What waits behind an open circuit is due already: nothing but the circuit's end brings it back. */
  #armCircuits(): void {
    for (const { lane } of this.#stations.values()) {
      if (lane.probeDueAt !== undefined) this.#arm(lane.probeDueAt);
    }
  }

  /** Makes sure that the outbox is asked at that time at the latest. The timer keeps no process alive. */
  #arm(at: number): void {
    if (this.#closing || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const sleepMs = Math.min(Math.max(at - this.#options.now(), 1), longestSleepMs);
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      void this.#look();
    }, sleepMs);
    this.#timer.unref();
  }

  #quiet(): boolean {
    if (this.#settling > 0) return false;
    for (const { lane } of this.#stations.values()) if (!lane.idle) return false;
    for (const lane of this.#dismissed) if (!lane.idle) return false;
    return true;
  }

  async #nothingToDo(): Promise<boolean> {
    if (!this.#quiet()) return false;
    const { endpointIds } = await this.#options.outbox.due();
    const due = endpointIds.filter((id) => this.#stations.get(id)?.lane.ready === true);
    for (const endpointId of due) this.wake(endpointId);
    return due.length === 0 && this.#quiet();
  }

  #changed(): void {
    if (this.#idleWaiters.size === 0) return;
    for (const waiter of this.#idleWaiters) waiter();
    this.#idleWaiters.clear();
  }

  #nextChange(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(finish, atMostMs);
      const waiters = this.#idleWaiters;
      function finish(): void {
        clearTimeout(timer);
        waiters.delete(finish);
        resolve();
      }
      waiters.add(finish);
    });
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
