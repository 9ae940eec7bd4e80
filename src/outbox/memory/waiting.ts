/** What waits in the memory outbox, longest due first, and how many deliveries of an endpoint are in the other states. */
import type { DeliveryState } from "../../event/delivery.ts";
import { byDueTime, shareOfFirstAttempts } from "../due.ts";
import { isRepeated } from "./record.ts";
import type { DeliveryRecord } from "./record.ts";

/** One endpoint's deliveries. */
export class EndpointDeliveries {
  readonly #firstAttempts = new DueQueue<DeliveryRecord>();
  readonly #retries = new DueQueue<DeliveryRecord>();
  readonly #counts = { delivering: 0, dead: 0 };
  #turn = 0;

  get delivering(): number {
    return this.#counts.delivering;
  }

  get dead(): number {
    return this.#counts.dead;
  }

  get pending(): number {
    return this.#firstAttempts.size + this.#retries.size;
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

  wait(record: DeliveryRecord): void {
    (isRepeated(record) ? this.#retries : this.#firstAttempts).push(record);
  }

  takeDue(limit: number, now: number): DeliveryRecord[] {
    const taken: DeliveryRecord[] = [];
    function takeFrom(queue: DueQueue<DeliveryRecord>, upTo: number): void {
      for (let next = queue.peek(); taken.length < upTo && next && next.dueAt <= now; next = queue.peek()) {
        taken.push(next);
        queue.pop();
      }
    }
    takeFrom(this.#firstAttempts, shareOfFirstAttempts(limit, this.#turn));
    takeFrom(this.#retries, limit);
    takeFrom(this.#firstAttempts, limit);
    this.#turn += 1;
    return taken.sort(byDueTime);
  }

  /** Takes retries that are due later than that, and first attempts of events that were accepted later. */
  takeBeyond(time: number): DeliveryRecord[] {
    const all = this.takeAll();
    const isBeyond = (record: DeliveryRecord): boolean =>
      record.dueAt > time && (isRepeated(record) || record.stored.event.createdAt > time);
    for (const record of all) if (!isBeyond(record)) this.wait(record);
    return all.filter(isBeyond);
  }

  takeAll(): DeliveryRecord[] {
    return [...this.#firstAttempts.drain(), ...this.#retries.drain()];
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
