/** One endpoint's way out: a queue with its concurrency and rate limit, fed from the outbox as its circuit allows. */
import PQueue from "p-queue";
import type { Endpoint } from "../../event/endpoint.ts";
import type { Claim, Claims } from "../../outbox/outbox.ts";
import type { Circuit } from "../policy/circuit-breaker.ts";
import { Batcher } from "./batcher.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";
import { Limiter } from "./limiter.ts";

export interface Granted {
  readonly claims: readonly Claim[];
  /** Milliseconds until more may be granted; absent where limits kept nothing back. */
  readonly moreInMs?: number;
}

export interface LaneWork extends BreakerOptions {
  /** Leases due deliveries of this endpoint. Never rejects: none where the store fails. */
  claim(limit: number): Promise<Granted>;
  /** Makes the attempt: one POST for all of them. Never rejects. */
  attempt(claims: Claims): Promise<void>;
  /** Hands claims back without an attempt. */
  release(claims: readonly Claim[]): void;
  circuitChanged(circuit: Circuit): void;
}

export class Lane {
  readonly endpoint: Endpoint;
  readonly #work: LaneWork;
  readonly #queue: PQueue;
  readonly #limiter: Limiter | undefined;
  readonly #breaker: Breaker;
  readonly #batcher: Batcher | undefined;
  /** Deliveries in one post. */
  readonly #perPost: number;
  /** Claims here, plus places promised to deliveries that are being stored. */
  #held = 0;
  /** Posts at the door of the queue. */
  readonly #waiting = new Set<Claims>();
  #running = 0;
  #due = false;
  /** Until when the outbox grants no more, by the monotonic clock. */
  #heldBackUntil = 0;
  #claiming = false;
  #open = true;

  constructor(endpoint: Endpoint, work: LaneWork) {
    this.endpoint = endpoint;
    this.#work = work;
    const { concurrency, rateLimit, circuitBreaker, batch, timeoutMs } = endpoint;
    this.#queue = new PQueue({ concurrency });
    if (rateLimit !== undefined) {
      this.#limiter = new Limiter(rateLimit, this.#queue, work.monotonic);
    }
    this.#breaker = new Breaker(circuitBreaker, work);
    this.#perPost = batch?.maxEvents ?? 1;
    if (batch !== undefined) this.#batcher = new Batcher(batch, timeoutMs, (claims) => this.#post(claims));
  }

  get circuit(): Circuit {
    return this.#breaker.circuit;
  }

  /** Tells whether the lane would send what is due now: it is switched on, and its circuit does not wait. */
  get ready(): boolean {
    return this.#open && this.#breaker.waitMs === 0;
  }

  /** Milliseconds until the open circuit may be probed; undefined where nobody should wait for that. */
  get probeInMs(): number | undefined {
    return this.#open && this.#breaker.waitMs > 0 ? this.#breaker.waitMs : undefined;
  }

  /** Posts that are running. */
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
    if (!this.#open || this.#breaker.state !== "closed" || this.#due || this.#room() <= 0) return false;
    if (this.#isHeldBack) return false;
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
    if (!this.#open || this.#breaker.state === "open") this.#handBack([claim]);
    else if (this.#batcher === undefined) this.#post([claim]);
    else this.#batcher.add(claim);
  }

  /** Says that something of this endpoint may be due in the outbox. */
  wake(): void {
    this.#due = true;
    this.#refill();
  }

  /** Says that a settlement may have made room within the limits. */
  regain(): void {
    this.#heldBackUntil = 0;
    this.wake();
  }

  /** Posts what waits for company, where nothing else is on its way that could be company. */
  flush(): void {
    if (this.#running === 0 && this.#waiting.size === 0) this.#batcher?.flush();
  }

  /** Hears how an attempt ended. */
  report(failed: boolean): void {
    if (this.#breaker.report(failed)) this.#circuitChanged();
  }

  /** Takes nothing more, and hands back what has not begun; what runs goes on to its end. */
  close(): void {
    this.#open = false;
    this.#empty();
  }

  /** Takes what is due, as long as nobody closes it. */
  open(): void {
    this.#open = true;
    this.#refill();
  }

  /** Leaves the endpoint alone for so long, because another process found it failing. */
  adoptCircuit(waitMs: number): void {
    if (this.#breaker.adopt(waitMs)) this.#circuitChanged();
  }

  /** Takes again. An open circuit is probed at once. */
  resume(): void {
    this.#breaker.skipWait();
    this.#due = true;
    this.open();
  }

  #circuitChanged(): void {
    const { state } = this.#breaker;
    if (state === "open") this.#empty();
    // A probe is one post, though a batch of them may need many claims.
    this.#queue.concurrency = state === "half_open" ? 1 : this.endpoint.concurrency;
    this.#work.circuitChanged(this.#breaker.circuit);
  }

  #empty(): void {
    this.#queue.clear();
    this.#limiter?.forget();
    const claims = [...this.#waiting].flat().concat(this.#batcher?.clear() ?? []);
    this.#waiting.clear();
    this.#handBack(claims);
  }

  #handBack(claims: readonly Claim[]): void {
    this.#held -= claims.length;
    this.#work.release(claims);
  }

  #post(claims: Claims): void {
    this.#waiting.add(claims);
    // The task settles its own failures; p-queue's promise only repeats its end.
    void this.#queue.add(() => this.#run(claims));
    this.#limiter?.hold();
  }

  async #run(claims: Claims): Promise<void> {
    this.#waiting.delete(claims);
    this.#running += 1;
    this.#limiter?.count();
    await this.#work.attempt(claims);
    this.#running -= 1;
    this.#held -= claims.length;
    this.#refill();
  }

  /**
   * Returns how many deliveries may be claimed. As a rule the lane holds twice the concurrency: one half runs, the other
   * waits at the door, so that no connection idles. For a probe it is one delivery, or twice a batch: a claim gives half to
   * new ones and half to retries, and a batch holds one kind only.
   */
  #room(): number {
    if (this.#breaker.state === "closed") return 2 * this.endpoint.concurrency * this.#perPost - this.#held;
    return (this.#perPost === 1 ? 1 : 2 * this.#perPost) - this.#held;
  }

  get #isHeldBack(): boolean {
    return this.#heldBackUntil > 0 && this.#heldBackUntil > this.#work.monotonic();
  }

  /** Claims in lots of at least half the concurrency, because a claim costs the store about the same for one or many. */
  #refill(): void {
    if (!this.#due || !this.#open || this.#claiming || this.#isHeldBack) return;
    // A probe has the endpoint to itself: what was begun before must have ended.
    if (this.#held === 0 && this.#breaker.probe()) this.#circuitChanged();
    const { state } = this.#breaker;
    if (state === "open") return;
    const inLots = state === "closed" && this.#batcher === undefined;
    const enough = inLots ? Math.ceil(this.endpoint.concurrency / 2) : 1;
    if (this.#room() >= enough) void this.#claim();
  }

  async #claim(): Promise<void> {
    this.#claiming = true;
    this.#due = false;
    const limit = this.#room();
    this.#held += limit;
    const { claims, moreInMs } = await this.#work.claim(limit);
    this.#claiming = false;
    if (moreInMs !== undefined) this.#heldBackUntil = this.#work.monotonic() + moreInMs;
    this.#held -= limit - claims.length;
    if (claims.length === limit) this.#due = true;
    for (const claim of claims) this.accept(claim);
    this.#refill();
  }
}
