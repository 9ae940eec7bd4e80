/** One endpoint's way out: a p-queue with its concurrency and rate limit, fed from the outbox as room comes up. */
import PQueue from "p-queue";
import type { Endpoint } from "../event/endpoint.ts";
import type { Claim } from "../outbox/outbox.ts";

export interface LaneWork {
  /** Leases due deliveries of this endpoint. Never rejects: a store that fails answers with none. */
  claim(limit: number): Promise<readonly Claim[]>;
  /** Makes the attempt. Never rejects. */
  attempt(claim: Claim): Promise<void>;
  /** Hands a claim back without an attempt. */
  release(claim: Claim): void;
}

export class Lane {
  readonly endpoint: Endpoint;
  readonly #work: LaneWork;
  readonly #queue: PQueue;
  /** Claims here, plus places promised to deliveries that are being stored. */
  #held = 0;
  /** Claims at the door of the p-queue. */
  readonly #waiting = new Set<Claim>();
  #running = 0;
  #due = false;
  #claiming = false;
  #open = true;

  constructor(endpoint: Endpoint, work: LaneWork) {
    this.endpoint = endpoint;
    this.#work = work;
    const { concurrency, rateLimit } = endpoint;
    this.#queue = new PQueue(
      rateLimit === undefined
        ? { concurrency }
        : { concurrency, intervalCap: rateLimit.max, interval: rateLimit.perMs, strict: true },
    );
  }

  /** Tells whether the lane takes work. */
  get open(): boolean {
    return this.#open;
  }

  get inFlight(): number {
    return this.#running;
  }

  /** Tells whether nothing is held and nothing is being claimed. */
  get idle(): boolean {
    return this.#held === 0 && !this.#claiming;
  }

  /**
   * Promises a place to a delivery that is about to be stored, so that it need not be read back. Fails where
   * older deliveries wait in the outbox: they come first.
   */
  reserve(): boolean {
    if (!this.#open || this.#due || this.#room() <= 0) return false;
    this.#held += 1;
    return true;
  }

  /** Takes a promised place back: the delivery was not stored as claimed. */
  forgo(): void {
    this.#held -= 1;
    this.#refill();
  }

  /** Runs a claim that a place was promised to. */
  accept(claim: Claim): void {
    if (!this.#open) {
      this.#held -= 1;
      this.#work.release(claim);
      return;
    }
    this.#waiting.add(claim);
    // The task settles its own failures; p-queue's promise only repeats its end.
    void this.#queue.add(() => this.#run(claim));
  }

  /** Says that something of this endpoint may be due in the outbox. */
  wake(): void {
    this.#due = true;
    this.#refill();
  }

  /** Takes nothing more, and hands back what has not begun; what runs goes on to its end. */
  close(): void {
    this.#open = false;
    this.#queue.clear();
    this.#held -= this.#waiting.size;
    for (const claim of this.#waiting) this.#work.release(claim);
    this.#waiting.clear();
  }

  /** Takes again. */
  resume(): void {
    this.#open = true;
    this.wake();
  }

  async #run(claim: Claim): Promise<void> {
    this.#waiting.delete(claim);
    this.#running += 1;
    await this.#work.attempt(claim);
    this.#running -= 1;
    this.#held -= 1;
    this.#refill();
  }

  /** Twice the concurrency: one half runs, the other waits at the door, so that no connection idles. */
  #room(): number {
    return 2 * this.endpoint.concurrency - this.#held;
  }

  /** Claims in lots of at least half the concurrency, because a claim costs the store about the same for one or many. */
  #refill(): void {
    const enough = Math.ceil(this.endpoint.concurrency / 2);
    if (this.#due && this.#open && !this.#claiming && this.#room() >= enough) void this.#claim();
  }

  async #claim(): Promise<void> {
    this.#claiming = true;
    this.#due = false;
    const limit = this.#room();
    this.#held += limit;
    const claims = await this.#work.claim(limit);
    this.#claiming = false;
    this.#held -= limit - claims.length;
    if (claims.length === limit) this.#due = true;
    for (const claim of claims) this.accept(claim);
    this.#refill();
  }
}
