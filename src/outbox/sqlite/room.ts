/** Room in the SQLite outbox on a disk that is full: what is delivered is forgotten, and the reserve keeps deliveries going. */
import { basename } from "node:path";
import type { Database } from "./driver.ts";
import type { WebhookError } from "../../event/errors.ts";
import { monotonicNow } from "../../time/timers.ts";
import type { Submission } from "../outbox.ts";
import type { Position } from "../position.ts";
import { diskFull } from "../refusals.ts";
import { finishedAfter, type Records } from "./finished.ts";
import type { Reserve } from "./reserve.ts";
import { upkeepRows } from "./upkeep.ts";
import type { PrunableEvent } from "./upkeep.ts";

/** Tries of one transaction for want of room, each of which has made some. */
const mostTries = 200;
/** Steps of a thousand rows through the records in one go. */
const mostSteps = 20;
/** How often it is looked whether there is room again. */
const lookAgainMs = 100;
/** Pages of the log before they go into the file: SQLite's own number, and what fits beside a given-up reserve. */
const checkpointPages = { usual: 1000, small: 128, tight: 32 };
/** Bytes that a delivery takes beside its body, with its attempt and its places in the indexes. */
const deliveryBytes = 2048;
/** Free bytes within the file that no new event gets: claims and settlements need them. */
const marginBytes = 128 * 1024;
const start: Position = { createdAt: Number.NEGATIVE_INFINITY, sequence: 0 };

export interface RoomOptions {
  readonly path: string;
  readonly database: Database;
  readonly reserve: Reserve;
  readonly records: Records;
  /** Runs something in a transaction; throws what fails. */
  readonly transact: <Result>(run: (records: Records) => Result) => Result;
}

export class Room {
  readonly #options: RoomOptions;
  /** The reserve was given up: events are taken only into what is free within the file. */
  #isTight: boolean;
  #position = start;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#isTight = !options.reserve.take();
    this.#setCheckpoint();
  }

  /**
   * Makes room for a transaction that failed for want of it, `tries` times before; returns whether to try again. Not
   * within a transaction.
   */
  make(tries: number): boolean {
    this.#checkpoint();
    // What a failed transaction left in the log may have been all that was in the way.
    if (tries === 0) return true;
    if (tries < mostTries && this.#forgetDelivered() > 0) return true;
    if (this.#isTight) return false;
    this.#isTight = true;
    this.#setCheckpoint();
    this.#options.reserve.release();
    this.#checkpoint();
    this.#forgetDelivered();
    return true;
  }

  /** Takes the reserve back where there is room for it again. Not within a transaction. Never throws. */
  regain(): void {
    const { reserve } = this.#options;
    if (monotonicNow() - this.#lookedAt < lookAgainMs) return;
    this.#lookedAt = monotonicNow();
    if (!this.#isTight && reserve.isHeld) return;
    this.#forgetDelivered();
    this.#checkpoint();
    this.#isTight = !reserve.take();
    this.#setCheckpoint();
  }

  /** Returns why there is no room for more; undefined where there is. */
  refusal(submissions: readonly Submission[]): WebhookError | undefined {
    if (!this.#isTight) return undefined;
    const { database, path } = this.#options;
    const pages = Number(database.pragma("freelist_count", { simple: true }));
    const free = pages * Number(database.pragma("page_size", { simple: true }));
    return free >= marginBytes + sizeOf(submissions) ? undefined : diskFull("SQLite", basename(path));
  }

  /** The oldest first; dead ones are kept: somebody may want to replay them. Returns how many, 0 where that failed. */
  #forgetDelivered(): number {
    const { transact } = this.#options;
    try {
      const fromTheStart = this.#position === start;
      const events = this.#nextDelivered();
      if (events.length === 0 && !fromTheStart) events.push(...this.#nextDelivered());
      if (events.length === 0) return 0;
      transact(({ upkeep }) => upkeep.forget(events));
      return events.length;
    } catch {
      // There is not even room to forget, or another process holds the lock.
      this.#position = start;
      return 0;
    }
  }

  #nextDelivered(): PrunableEvent[] {
    const chosen: PrunableEvent[] = [];
    for (let steps = 0; steps < mostSteps && chosen.length < upkeepRows; steps += 1) {
      const { events, next } = finishedAfter(this.#options.records, this.#position, "delivered");
      chosen.push(...events);
      this.#position = next ?? start;
      if (next === undefined) break;
    }
    return chosen;
  }

  /** Moves the log into the file and gives its space back, as far as nobody reads it. */
  #checkpoint(): void {
    try {
      this.#options.database.pragma("wal_checkpoint(TRUNCATE)");
    } catch {
      // The file cannot grow, or is in use: the log stays as it is.
    }
  }

  #setCheckpoint(): void {
    const { database, reserve } = this.#options;
    const usual = reserve.isSmall ? checkpointPages.small : checkpointPages.usual;
    database.pragma(`wal_autocheckpoint = ${this.#isTight ? checkpointPages.tight : usual}`);
  }
}

function sizeOf(submissions: readonly Submission[]): number {
  let bytes = 0;
  for (const { event, deliveries } of submissions) {
    bytes += event.body.length + deliveryBytes;
    for (const { content } of deliveries) bytes += deliveryBytes + (content?.body.length ?? 0);
  }
  return bytes;
}
