/** What waits in the memory outbox, longest due first, and how many deliveries of an endpoint are in the other states. */
import type { DeliveryState } from "../../event/delivery.ts";
import type { EndpointLimits } from "../../event/endpoint-state.ts";
import { byDueTime, shareOfFirstAttempts } from "../due.ts";
import { countGrant, type Grants, type Room, roomUnder } from "../limits.ts";
import { type Moved, OrderLines } from "./order-lines.ts";
import { isRepeated } from "./record.ts";
import type { DeliveryRecord } from "./record.ts";

/** One endpoint's deliveries. */
export class EndpointDeliveries {
  readonly #firstAttempts = new DueQueue<DeliveryRecord>();
  readonly #retries = new DueQueue<DeliveryRecord>();
  readonly #counts = { delivering: 0, dead: 0 };
  readonly #grants: Grants = [];
  /** Only of an endpoint whose deliveries have order keys. */
  #lines: OrderLines | undefined;
  /** Deliveries that wait behind another of their key. */
  #parked = 0;
  #order: "block" | "skip" = "skip";
  #turn = 0;

  get delivering(): number {
    return this.#counts.delivering;
  }

  get dead(): number {
    return this.#counts.dead;
  }

  get pending(): number {
    return this.#firstAttempts.size + this.#retries.size + this.#parked;
  }

  /** When the pending delivery that is due longest is or was due. */
  get earliestDueAt(): number | undefined {
    const first = this.#firstAttempts.peek()?.dueAt;
    const retry = this.#retries.peek()?.dueAt;
    if (first === undefined || retry === undefined) return first ?? retry;
    return Math.min(first, retry);
  }

  /** Counts one that enters (1) or leaves (-1) a state in which nothing waits here. */
  count(state: DeliveryState, change: 1 | -1): void {
    if (state === "delivering" || state === "dead") this.#counts[state] += change;
  }

  /** Whether a delivery that dies keeps back the others of its key. */
  get blocks(): boolean {
    return this.#order === "block";
  }

  /** Notes that a delivery came or left a state for the one it has now, other than by `takeDue`. */
  place(record: DeliveryRecord, leaving: DeliveryState): void {
    if (record.orderKey === undefined) {
      if (record.state === "pending") this.wait(record);
      return;
    }
    this.#lines ??= new OrderLines();
    // Counted as behind another until it turns out that it is not.
    if (record.state === "pending") this.#parked += 1;
    this.#move(this.#lines.place(record, record.orderKey, leaving));
  }

  /** Tells whether a new delivery of a key would have to wait for another. */
  holdsBack(orderKey: string): boolean {
    return this.#lines?.has(orderKey) === true;
  }

  mayBeClaimed(record: DeliveryRecord): boolean {
    return record.orderKey === undefined || this.#lines?.mayBeClaimed(record, record.orderKey) === true;
  }

  /** Returns the delivery of its key that must end first. */
  aheadOf(record: DeliveryRecord): DeliveryRecord | undefined {
    if (record.orderKey === undefined || record.state !== "pending") return undefined;
    return this.#lines?.aheadOf(record, record.orderKey);
  }

  /** Returns how many deliveries the limits allow now. */
  room(limits: EndpointLimits | undefined, wanted: number, now: number): Room {
    const order = limits?.order ?? "skip";
    if (order !== this.#order) {
      this.#order = order;
      if (order === "skip") for (const freed of this.#lines?.skipDead() ?? []) this.#move({ freed });
    }
    if (limits === undefined) return { deliveries: wanted };
    return roomUnder(limits, wanted, {
      held: this.#counts.delivering,
      isAlone: true,
      isOnly: true,
      grants: this.#grants,
      now,
    });
  }

  /** Counts what was granted under the limits. */
  granted(limits: EndpointLimits | undefined, deliveries: number, now: number): void {
    if (limits !== undefined) countGrant(limits, deliveries, this.#grants, now);
  }

  wait(record: DeliveryRecord): void {
    (isRepeated(record) ? this.#retries : this.#firstAttempts).push(record);
  }

  takeDue(limit: number, now: number): DeliveryRecord[] {
    const taken: DeliveryRecord[] = [];
    const expired: DeliveryRecord[] = [];
    function takeFrom(queue: DueQueue<DeliveryRecord>, upTo: number): void {
      for (let next = queue.peek(); taken.length < upTo && next && next.dueAt <= now; next = queue.peek()) {
        queue.pop();
        (next.expiresAt !== undefined && next.expiresAt <= now ? expired : taken).push(next);
      }
    }
    takeFrom(this.#firstAttempts, shareOfFirstAttempts(limit, this.#turn));
    takeFrom(this.#retries, limit);
    takeFrom(this.#firstAttempts, limit);
    this.#turn += 1;
    for (const record of expired) this.wait(record);
    return taken.sort(byDueTime);
  }

  /** Grants that were counted by the old clock are as long ago by the new one. */
  setClockBack(byMs: number, now: number): void {
    for (const grant of this.#grants) if (grant[0] > now) grant[0] -= byMs;
  }

  /** Takes retries that are due later than `time`, and first attempts of events that were accepted later. */
  takeBeyond(time: number, upTo = Number.POSITIVE_INFINITY): DeliveryRecord[] {
    return this.#takeWhere(
      (record) =>
        record.dueAt > time &&
        record.dueAt <= upTo &&
        (isRepeated(record) || record.stored.event.createdAt > time),
    );
  }

  /** Takes some that wait. What they kept back is kept back until they are placed. */
  take(records: ReadonlySet<DeliveryRecord>): void {
    this.#parked -= records.size - this.#takeWhere((record) => records.has(record)).length;
  }

  takeAll(): DeliveryRecord[] {
    this.#parked = 0;
    const behind = this.#lines?.takeWaiting() ?? [];
    return [...this.#firstAttempts.drain(), ...this.#retries.drain(), ...behind];
  }

  #takeWhere(isWanted: (record: DeliveryRecord) => boolean): DeliveryRecord[] {
    const all = [...this.#firstAttempts.drain(), ...this.#retries.drain()];
    for (const record of all) if (!isWanted(record)) this.wait(record);
    return all.filter(isWanted);
  }

  #move({ freed, parked }: Moved): void {
    if (parked !== undefined && this.#takeWhere((record) => record === parked).length > 0) this.#parked += 1;
    if (freed === undefined) return;
    this.#parked -= 1;
    this.wait(freed);
  }
}

export interface Waiting {
  readonly dueAt: number;
  /** Position in the order of storing. */
  readonly sequence: number;
}

/** A binary heap: equal due times in the order they were stored. */
export class DueQueue<Item extends Waiting> {
  readonly #heap: Item[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): Item | undefined {
    return this.#heap[0];
  }

  push(item: Item): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Item;
      if (!isBefore(item, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = item;
  }

  pop(): Item | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= heap.length) break;
      const right = heap[childIndex + 1];
      if (right !== undefined && isBefore(right, heap[childIndex] as Item)) childIndex += 1;
      const child = heap[childIndex] as Item;
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
    return first;
  }

  /** Empties the queue; the items come in no particular order. */
  drain(): Item[] {
    return this.#heap.splice(0);
  }
}

function isBefore(left: Waiting, right: Waiting): boolean {
  return left.dueAt < right.dueAt || (left.dueAt === right.dueAt && left.sequence < right.sequence);
}
