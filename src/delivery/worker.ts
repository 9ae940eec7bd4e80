/** The loop: asks the outbox what is due, wakes the lanes that have it, and sleeps until the next is. */
import { AsyncResource } from "node:async_hooks";
import type { Endpoint } from "../event/endpoint.ts";
import { countdown, withDeadline } from "../time/deadline.ts";
import { Changes } from "./changes.ts";
import { ClockWatch } from "./clock-watch.ts";
import { Destination, type DestinationOptions } from "./destination.ts";
import { Destinations } from "./destinations.ts";
import { DueAlarm } from "./due-alarm.ts";
import { Gate } from "./lane/gate.ts";
import type { Lane } from "./lane/lane.ts";
import { Settling } from "./settling.ts";
import { Shortage } from "./shortage.ts";

export type { DisableCause } from "./aftermath.ts";

type Shared = "gate" | "settling" | "alarm" | "changes" | "shortage" | "inContext";

/** `monotonic` is in milliseconds from any beginning, and never goes back; `now` is Unix milliseconds. */
export interface WorkerOptions extends Omit<DestinationOptions, Shared> {
  /** Attempts at once over all endpoints. */
  readonly maxInFlight: number;
  /** Hears that states or stored endpoints were changed, by whatever process. */
  readonly statesChanged: () => void;
}

/** How often a store shared with other processes is asked for what they put in. */
const sharedPollMs = 500;

export interface DrainOptions {
  /** Waits for retries, too, that are due within the deadline. @default false */
  readonly retries?: boolean;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #shared: Pick<DestinationOptions, Shared>;
  /** By endpoint id. Their lanes take nothing until the start. */
  readonly destinations = new Destinations();
  readonly #settling: Settling;
  readonly #alarm: DueAlarm;
  readonly #changes = new Changes();
  readonly #clock: ClockWatch;
  /** Of the states, when they were last looked at. */
  #version = 0;
  #started = false;
  #closed = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { now, monotonic } = options;
    this.#clock = new ClockWatch(options);
    this.#alarm = new DueAlarm(now, monotonic, () => void this.#look());
    this.#settling = new Settling({
      ...{ outbox: options.outbox, logger: options.logger, now, alarm: this.#alarm, changes: this.#changes },
      lifecycle: options.lifecycle,
      isBuried: (endpointId) => this.destinations.isBuried(endpointId),
    });
    this.#shared = {
      gate: new Gate(options.maxInFlight),
      settling: this.#settling,
      alarm: this.#alarm,
      changes: this.#changes,
      shortage: new Shortage(options.logger, monotonic),
      inContext: AsyncResource.bind((run, input) => run(input), "mova-webhooks.worker"),
    };
  }

  /** Starts to deliver: asks the outbox what is due. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#clock.atStart(this.#endpoints());
    if (this.#closed) return;
    for (const destination of this.destinations.values()) destination.start();
    await this.#look();
  }

  get isStarted(): boolean {
    return this.#started;
  }

  /** Adds an endpoint, or puts it in place of the one with its id: what waits in that one's lane goes to the new one. */
  putEndpoint(endpoint: Endpoint, enabled: boolean): void {
    const options = { ...this.#options, ...this.#shared };
    this.destinations.put(new Destination(endpoint, enabled, this.#started, options));
  }

  /** With `bury`, what its lane hands back is dead; else it waits for whoever has the endpoint. */
  removeEndpoint(endpointId: string, bury: boolean): void {
    this.destinations.remove(endpointId, bury);
  }

  setEnabled(endpointId: string, enabled: boolean): void {
    this.destinations.get(endpointId)?.setEnabled(enabled);
  }

  lane(endpointId: string): Lane | undefined {
    return this.destinations.get(endpointId)?.lane;
  }

  /** Since when the endpoint has done nothing but fail, Unix milliseconds. */
  failingSince(endpointId: string): number | undefined {
    return this.destinations.get(endpointId)?.failingSince;
  }

  /** Says that an endpoint has something due in the outbox. */
  wake(endpointId: string): void {
    if (this.#started) this.lane(endpointId)?.wake();
  }

  /** Says that something is due in the outbox, or expires there, at that time. */
  expect(at: number): void {
    if (this.#started) this.#alarm.setFor(at);
  }

  wakeAll(): void {
    for (const { endpoint } of this.destinations.values()) this.wake(endpoint.id);
  }

  /**
   * Resolves with true once nothing is in flight or due, with false when `deadlineMs` are over before. Like a retry,
   * what waits behind an open circuit or a switched-off endpoint is due later; what waits for a batch goes out now.
   * Resolves with false where it was never started.
   */
  async drain(deadlineMs: number, { retries = false }: DrainOptions = {}): Promise<boolean> {
    if (!this.#started) return false;
    const leftMs = countdown(deadlineMs);
    return this.#changes.until(async () => {
      if (await this.#nothingToDo(retries ? leftMs() : 0)) return true;
      for (const { lane } of this.destinations.values()) lane.flush();
      return false;
    }, deadlineMs);
  }

  /**
   * Stops to claim, waits for what is in flight until the deadline, cuts the rest; what was not sent is handed back,
   * while `leftMs` says that there is time.
   */
  async close(deadlineMs: number, leftMs: () => number): Promise<void> {
    this.#closed = true;
    this.#alarm.stop();
    this.#settling.close();
    this.destinations.close();
    await this.#changes.until(() => this.#quiet(), deadlineMs);
    await withDeadline(this.#options.transport.close(), leftMs(), () => undefined);
    await this.#changes.until(() => this.#quiet(), leftMs());
  }

  /** Wakes the lanes that have something due, and sleeps until the next is. */
  async #look(): Promise<void> {
    const { outbox, logger } = this.#options;
    try {
      await this.#clock.look(this.#endpoints());
      const { endpointIds, nextAt, expiresAt, version = 0 } = await outbox.due();
      if (version !== this.#version) this.#options.statesChanged();
      this.#version = version;
      if (expiresAt !== undefined && expiresAt <= this.#options.now()) await this.#expire();
      else if (expiresAt !== undefined) this.#alarm.setFor(expiresAt);
      // Before the lanes wake: a circuit whose wait ends in between is probed by the waking.
      this.#awaitProbes();
      for (const endpointId of endpointIds) this.wake(endpointId);
      if (nextAt !== undefined) this.#alarm.setFor(nextAt);
      if (outbox.guarantees.shared) this.#alarm.setIn(sharedPollMs);
    } catch (error) {
      logger.warn({ err: error }, "outbox did not answer");
      this.#alarm.setIn(1000);
    }
  }

  async #expire(): Promise<void> {
    const { outbox, lifecycle, now } = this.#options;
    for (const { id: deliveryId, createdAt, ...delivery } of await outbox.expire()) {
      const lagMs = now() - createdAt;
      lifecycle.settled({ ...delivery, deliveryId, outcome: "dead", reason: "expired", lagMs });
    }
  }

  #endpoints(): readonly Endpoint[] {
    return Array.from(this.destinations.values(), ({ endpoint }) => endpoint);
  }

  /** What waits behind an open circuit is due already: nothing but the circuit's end brings it back. */
  #awaitProbes(): void {
    for (const { lane } of this.destinations.values()) {
      if (lane.probeInMs !== undefined) this.#alarm.setIn(lane.probeInMs);
    }
  }

  #quiet(): boolean {
    return this.#settling.idle && this.destinations.idle;
  }

  /** Tells whether nothing is due or in flight, or will be due within so many milliseconds. */
  async #nothingToDo(withinMs: number): Promise<boolean> {
    if (!this.#quiet()) return false;
    const { outbox, now } = this.#options;
    const { endpointIds, nextAt = Number.POSITIVE_INFINITY } = await outbox.due();
    const due = endpointIds.filter((id) => this.lane(id)?.ready === true);
    for (const endpointId of due) this.wake(endpointId);
    const probes = endpointIds.map((id) => this.lane(id)?.probeInMs ?? Number.POSITIVE_INFINITY);
    const soon = withinMs > 0 && Math.min(nextAt - now(), ...probes) <= withinMs;
    return due.length === 0 && !soon && this.#quiet();
  }
}
