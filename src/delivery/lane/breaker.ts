/** A lane's circuit: which state it is in, and for how long. It waits by a clock that nobody sets. */
import type { Endpoint } from "../../event/endpoint.ts";
import {
  afterAttempt,
  afterWait,
  type Circuit,
  closedCircuit,
  withoutWait,
} from "../policy/circuit-breaker.ts";

export interface BreakerOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds from any beginning, that never go back. */
  readonly monotonic: () => number;
  readonly random: () => number;
}

export class Breaker {
  readonly #settings: Endpoint["circuitBreaker"];
  readonly #options: BreakerOptions;
  /** `until` is by the monotonic clock. */
  #circuit: Circuit = closedCircuit;

  constructor(settings: Endpoint["circuitBreaker"], options: BreakerOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  get state(): Circuit["state"] {
    return this.#circuit.state;
  }

  /** As the others see it: `until` is Unix milliseconds. */
  get circuit(): Circuit {
    if (this.#circuit.state !== "open") return this.#circuit;
    return { ...this.#circuit, until: Math.round(this.#options.now() + this.waitMs) };
  }

  /** Milliseconds until an open circuit may be probed; 0 where nothing is waited for. */
  get waitMs(): number {
    if (this.#circuit.state !== "open") return 0;
    return Math.max(0, this.#circuit.until - this.#options.monotonic());
  }

  /** Hears how an attempt ended. Returns whether that changed the state. */
  report(failed: boolean): boolean {
    if (!failed && this.#circuit === closedCircuit) return false;
    const { monotonic, random } = this.#options;
    return this.#become(afterAttempt(this.#circuit, failed, this.#settings, monotonic(), random));
  }

  /** Asks for a probe, while nothing is in flight. Returns whether that changed the state. */
  probe(): boolean {
    return this.#become(afterWait(this.#circuit, this.#options.monotonic()));
  }

  /** Takes over that another process found the endpoint failing. Returns whether that changed the state. */
  adopt(waitMs: number): boolean {
    if (this.#settings === undefined || this.#circuit.state !== "closed") return false;
    return this.#become({ state: "open", openings: 1, until: this.#options.monotonic() + waitMs });
  }

  /** An open circuit may be probed at once. */
  skipWait(): void {
    this.#circuit = withoutWait(this.#circuit, this.#options.monotonic());
  }

  #become(circuit: Circuit): boolean {
    const changed = circuit.state !== this.#circuit.state;
    this.#circuit = circuit;
    return changed;
  }
}
