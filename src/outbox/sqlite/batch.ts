/** Group commit: what arrives within a turn or a moment of each other shares one transaction, and one fsync. */
import { WebhookError } from "../../event/errors.ts";
import { kindOfFailure } from "./errors.ts";
import { clearTimeout, setImmediate, setTimeout } from "../../time/timers.ts";

/** What the batch needs of a store: transactions that may fail, and be asked for again. */
export interface Transactions<Session> {
  /** Throws the driver's error where another process holds the lock. */
  begin(): Session;
  commit(session: Session): void;
  rollback(): void;
  /** Turns an error of the driver into one of ours; called after the rollback. */
  explain(error: unknown): WebhookError;
}

interface Entry<Session> {
  readonly run: (session: Session) => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether to try again later while another process holds the lock. */
type Pace = "patiently" | "now";

/** Operations in one transaction, so that the event loop is never blocked for long. */
const maxOperations = 256;
/** Pause before the next try while another process holds the lock, and how many tries: some seconds together. */
const busyPauseMs = 2;
const maxTries = 1000;

export class GroupCommit<Session> {
  readonly #transactions: Transactions<Session>;
  readonly #waitMs: number;
  #queue: Entry<Session>[] = [];
  #isScheduled = false;
  #tries = 0;
  #timer: NodeJS.Timeout | undefined;
  /** How many operations came together lately. As soon as that many are here again, none waits for more. */
  #expected = 1;
  #whenIdle: (() => void)[] = [];

  constructor(transactions: Transactions<Session>, waitMs: number) {
    this.#transactions = transactions;
    this.#waitMs = waitMs;
  }

  /**
   * Runs something in the next transaction; resolves with its result after the commit. An operation may be run again
   * after a rollback, and returns a WebhookError as its value for a failure that is expected, before it wrote anything.
   */
  add<Result>(run: (session: Session) => Result | WebhookError): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ run, resolve, reject });
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

  #runBatch(entries: readonly Entry<Session>[], pace: Pace): void {
    let results: unknown[];
    try {
      results = this.#commitTogether(entries);
    } catch (error) {
      this.#handleFailure(entries, error, pace);
      return;
    }
    this.#tries = 0;
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

  #handleFailure(entries: readonly Entry<Session>[], error: unknown, pace: Pace): void {
    const kind = kindOfFailure(error);
    if (kind === "busy" && pace === "patiently" && this.#tries < maxTries) {
      this.#tries += 1;
      this.#queue.unshift(...entries);
      this.#isScheduled = true;
      setTimeout(() => this.#flush(), busyPauseMs);
    } else if (kind === "statement" && entries.length > 1) {
      // One of them is to blame: alone, it fails alone.
      for (const entry of entries) this.#runBatch([entry], pace);
    } else {
      this.#tries = 0;
      const reason = this.#transactions.explain(error);
      for (const { reject } of entries) reject(reason);
    }
  }

  #settleIdle(): void {
    if (this.#queue.length > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
