/** One timer for all that is due later. It keeps no process alive. */
import { clearTimeout, setTimeout } from "../time/timers.ts";

/** Longest sleep: due times are wall-clock times, and clocks are set. */
const longestSleepMs = 60_000;

export class DueAlarm {
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  #ringsAt = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(now: () => number, monotonic: () => number, ring: () => void) {
    this.#now = now;
    this.#monotonic = monotonic;
    this.#ring = ring;
  }

  /** Makes sure that it rings at `dueAt`, in Unix milliseconds, or earlier. */
  setFor(dueAt: number): void {
    this.setIn(dueAt - this.#now());
  }

  /** Makes sure that it rings within this time. */
  setIn(waitMs: number): void {
    const sleepMs = Math.min(Math.max(waitMs, 1), longestSleepMs);
    const at = this.#monotonic() + sleepMs;
    if (this.#stopped || at >= this.#ringsAt) return;
    clearTimeout(this.#timer);
    this.#ringsAt = at;
    this.#timer = setTimeout(() => {
      this.#ringsAt = Number.POSITIVE_INFINITY;
      this.#ring();
    }, sleepMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
