/** Group commit: what arrives within a turn or a moment of each other shares one transaction, and one fsync. */
import { WebhookError } from "../../event/errors.ts";
import { kindOfFailure } from "./errors.ts";
import { clearTimeout, monotonicNow, setImmediate, setTimeout } from "../../time/timers.ts";

/** What the batch needs of a store: transactions that may fail, and be asked for again. */
export interface Transactions<Session> {
  /** Throws the driver's error where another process holds the lock. */
  begin(): Session;
  commit(session: Session): void;
  rollback(): void;
  /** Makes room for a transaction that failed for want of it, so often before; returns whether to try again. */
  makeRoom?(tries: number): boolean;
  /** Turns an error of the driver into one of ours; called after the rollback. */
  explain(error: unknown): WebhookError;
}

interface Entry<Session> {
  readonly run: (session: Session) => unknown;
  /** When it was added, by the monotonic clock. */
  readonly since: number;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether to try again later while another process holds the lock. */
type Pace = "patiently" | "now";

/** Operations in one transaction, so that the event loop is never blocked for long. */
const maxOperations = 256;
/** Pauses between tries while another process holds the lock: each is twice as long as the one before. */
const busyPauseMs = { first: 2, longest: 50 };
/** So long an operation waits for another process's lock before it is refused. */
const busyMs = 5000;

export class GroupCommit<Session> {
  readonly #transactions: Transactions<Session>;
  readonly #waitMs: number;
  readonly #busyMs: number;
  #queue: Entry<Session>[] = [];
  #isScheduled = false;
  #pauseMs = busyPauseMs.first;
  #closedWith: WebhookError | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** How many operations came together lately. As soon as that many are here again, none waits for more. */
  #expected = 1;
  #whenIdle: (() => void)[] = [];

  /** An operation waits `waitMs` for others, and `longestBusyMs` for another process's lock. */
  constructor(transactions: Transactions<Session>, waitMs: number, longestBusyMs = busyMs) {
    this.#transactions = transactions;
    this.#waitMs = waitMs;
    this.#busyMs = longestBusyMs;
  }

  /**
   * Runs something in the next transaction; resolves with its result after the commit. An operation may be run again
   * after a rollback, and returns a WebhookError as its value for a failure that is expected, before it wrote anything.
   */
  add<Result>(run: (session: Session) => Result | WebhookError): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closedWith !== undefined) return reject(this.#closedWith);
      this.#queue.push({ run, since: monotonicNow(), resolve, reject });
      this.#schedule();
    });
  }

  /** Runs all that was added, and this, now, blocking; returns after the commit and throws what failed. */
  runSync<Result>(run: (session: Session) => Result | WebhookError): Result {
    const waiting = this.#queue.splice(0);
    if (waiting.length > 0) this.#runBatch(waiting, "now");
    let outcome: { readonly result: Result } | { readonly error: unknown } | undefined;
    const entry: Entry<Session> = {
      run,
      since: 0,
      resolve: (result) => {
        outcome = { result };
      },
      reject: (error) => {
        outcome = { error };
      },
    };
    this.#runBatch([entry], "now");
    if (outcome !== undefined && "result" in outcome) return outcome.result;
    throw outcome?.error;
  }

  /** Resolves when nothing is left to commit. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#settleIdle();
    });
  }

  /** Rejects what waits, and whatever is added later. */
  close(reason: WebhookError): void {
    this.#closedWith = reason;
    clearTimeout(this.#timer);
    for (const { reject } of this.#queue.splice(0)) reject(reason);
    this.#settleIdle();
  }

  #schedule(): void {
    if (this.#isScheduled) {
      if (this.#timer !== undefined && this.#queue.length >= this.#expected) this.#flushThisTurn();
      return;
    }
    this.#isScheduled = true;
    if (this.#queue.length >= this.#expected || this.#waitMs === 0) this.#flushThisTurn();
    else this.#timer = setTimeout(() => this.#flush(), this.#waitMs);
  }

  #flushThisTurn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    this.#timer = undefined;
    const entries = this.#queue.splice(0, maxOperations);
    this.#expected = Math.max(entries.length, this.#expected * 0.9);
    if (entries.length > 0) this.#runBatch(entries, "patiently");
    if (this.#queue.length > 0) this.#schedule();
    this.#settleIdle();
  }

  #runBatch(entries: readonly Entry<Session>[], pace: Pace, tries = 0): void {
    let results: unknown[];
    try {
      results = this.#commitTogether(entries);
    } catch (error) {
      this.#handleFailure(entries, error, pace, tries);
      return;
    }
    this.#pauseMs = busyPauseMs.first;
    for (const [index, { resolve, reject }] of entries.entries()) {
      const result = results[index];
      if (result instanceof WebhookError) reject(result);
      else resolve(result as never);
    }
  }

  #commitTogether(entries: readonly Entry<Session>[]): unknown[] {
    try {
      const session = this.#transactions.begin();
      const results = entries.map(({ run }) => run(session));
      this.#transactions.commit(session);
      return results;
    } catch (error) {
      this.#transactions.rollback();
      throw error;
    }
  }

  #handleFailure(entries: readonly Entry<Session>[], error: unknown, pace: Pace, tries: number): void {
    const kind = kindOfFailure(error);
    if (kind === "busy" && pace === "patiently") {
      this.#queue.unshift(...entries);
      this.#refuseOverdue(error);
      if (this.#queue.length === 0) return;
      this.#isScheduled = true;
      setTimeout(() => this.#flush(), this.#pauseMs);
      this.#pauseMs = Math.min(2 * this.#pauseMs, busyPauseMs.longest);
    } else if (kind === "full" && this.#transactions.makeRoom?.(tries) === true) {
      this.#runBatch(entries, pace, tries + 1);
    } else if (entries.length > 1 && (kind === "statement" || (kind === "full" && tries > 0))) {
      // One of them is to blame: alone, it fails alone.
      for (const entry of entries) this.#runBatch([entry], pace);
    } else {
      const reason = this.#transactions.explain(error);
      for (const { reject } of entries) reject(reason);
    }
  }

  /** All that have waited for as long as they may, however many they are: each begins to wait when it is added. */
  #refuseOverdue(error: unknown): void {
    const oldest = monotonicNow() - this.#busyMs;
    const young = this.#queue.findIndex(({ since }) => since > oldest);
    const overdue = this.#queue.splice(0, young < 0 ? this.#queue.length : young);
    if (overdue.length === 0) return;
    const reason = this.#transactions.explain(error);
    for (const { reject } of overdue) reject(reason);
  }

  #settleIdle(): void {
    if (this.#queue.length > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
