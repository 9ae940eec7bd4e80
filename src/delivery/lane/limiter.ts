/** Limits the rate of a lane: in no window of time do more posts begin than the endpoint allows. */
import type PQueue from "p-queue";
import { clearTimeout, setTimeout } from "../../time/timers.ts";

export class Limiter {
  readonly #max: number;
  readonly #perMs: number;
  readonly #queue: PQueue;
  readonly #monotonic: () => number;
  /** When the posts of the last window began, from `#first` on. */
  #begun: number[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | undefined;

  /** p-queue's own limit counts by the wall clock: one that is set back would hold the lane up for as long. */
  constructor(
    rate: { readonly max: number; readonly perMs: number },
    queue: PQueue,
    monotonic: () => number,
  ) {
    this.#max = rate.max;
    this.#perMs = rate.perMs;
    this.#queue = queue;
    this.#monotonic = monotonic;
  }

  /** Counts a post that begins now. */
  count(): void {
    this.#begun.push(this.#monotonic());
    this.hold();
  }

  /** Stops the queue until another post may begin. */
  hold(): void {
    const waitMs = this.#waitMs();
    if (waitMs <= 0) return void this.#queue.start();
    this.#queue.pause();
    // What does not wait needs no timer, which would keep the process alive.
    if (this.#queue.size === 0) return this.forget();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.hold();
    }, Math.ceil(waitMs));
  }

  /** Nothing waits any more. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #waitMs(): number {
    const now = this.#monotonic();
    while (now - (this.#begun[this.#first] ?? now) >= this.#perMs) this.#first += 1;
    if (this.#first > 100 && this.#first > this.#begun.length / 2) {
      this.#begun = this.#begun.slice(this.#first);
      this.#first = 0;
    }
    const oldest = this.#begun[this.#first];
    if (oldest === undefined || this.#begun.length - this.#first < this.#max) return 0;
    return oldest + this.#perMs - now;
  }
}
