/** The shelves of the memory outbox: events, deliveries, who waits where, and what may be forgotten for room. */
import type { DeliveryQuery, DeliveryState } from "../../event/delivery.ts";
import type { Claim, NewDelivery, OutboxEvent, Submission } from "../outbox.ts";
import { byAge } from "../position.ts";
import { isFinished, matches } from "../query.ts";
import { full } from "../refusals.ts";
import { DueQueue, EndpointDeliveries, type Waiting } from "./waiting.ts";
import type { DeliveryRecord, StoredEvent, UnroutedEvent } from "./record.ts";

interface Expiring extends Waiting {
  readonly record: DeliveryRecord;
}

export class MemoryStore {
  readonly events = new Map<string, StoredEvent>();
  readonly records = new Map<string, DeliveryRecord>();
  readonly endpoints = new Map<string, EndpointDeliveries>();
  readonly #maxDeliveries: number;
  /** Delivered records, and events that went to no endpoint: each of those takes the room of one delivery. */
  #forgettable = new DueQueue<DeliveryRecord | UnroutedEvent>();
  /** Events that went to no endpoint. */
  readonly #unrouted = new Set<StoredEvent>();
  /** Waiting deliveries that expire, by when; those that wait no more are passed over. */
  readonly #expiring = new DueQueue<Expiring>();
  #size = 0;
  #sequence = 0;

  constructor(maxDeliveries: number) {
    this.#maxDeliveries = maxDeliveries;
  }

  /** Forgets delivered records as far as needed. Throws OUTBOX_FULL, and then has forgotten nothing. */
  makeRoomFor(submissions: readonly Submission[]): void {
    this.makeRoomForLate(this.#roomFor(submissions));
  }

  /** The same for so many deliveries. */
  makeRoomForLate(needed: number): void {
    const held = this.#size - this.#forgettable.size;
    if (held + needed > this.#maxDeliveries) throw full("memory", held, this.#maxDeliveries);
    while (this.#size + needed > this.#maxDeliveries) {
      const oldest = this.#forgettable.pop();
      if (oldest === undefined) break;
      if ("id" in oldest) this.#forgetRecord(oldest);
      else this.#forgetEvent(oldest.stored);
    }
  }

  addEvent(event: OutboxEvent): StoredEvent {
    const stored: StoredEvent = { event, records: [], sequence: this.#sequence++ };
    this.events.set(event.id, stored);
    return stored;
  }

  /** Says that no delivery will follow for this event. */
  addUnrouted(stored: StoredEvent): void {
    this.#size += 1;
    this.#unrouted.add(stored);
    this.#forgettable.push({ stored, dueAt: stored.event.createdAt, sequence: this.#sequence++ });
  }

  addDelivery(stored: StoredEvent, delivery: NewDelivery): DeliveryRecord {
    const record: DeliveryRecord = {
      id: delivery.id,
      stored,
      endpointId: delivery.endpointId,
      eventType: stored.event.type,
      createdAt: stored.event.createdAt,
      sequence: this.#sequence++,
      content: delivery.content,
      orderKey: delivery.orderKey,
      expiresAt: delivery.expiresAt,
      holds: false,
      interventions: undefined,
      state: "pending",
      dueAt: delivery.dueAt,
      replays: 0,
      attempt: 1,
      version: 0,
      reason: undefined,
      batch: undefined,
      previous: undefined,
      attempts: [],
    };
    // One that was added later takes the room that its event had for itself.
    if (!(stored.records.length === 0 && this.#unrouted.delete(stored))) this.#size += 1;
    stored.records.push(record);
    this.records.set(record.id, record);
    return record;
  }

  /** Enters a record that was just added, or was taken from its queue, or is in no queue, into a state. */
  enter(record: DeliveryRecord, state: DeliveryState, dueAt: number): void {
    const endpoint = this.endpoint(record.endpointId);
    const leaving = record.state;
    endpoint.count(leaving, -1);
    record.state = state;
    record.dueAt = dueAt;
    record.version += 1;
    endpoint.place(record, leaving);
    if (state === "delivered") this.#forgettable.push(record);
    else endpoint.count(state, 1);
    if (state === "pending" && record.expiresAt !== undefined) {
      this.#expiring.push({ dueAt: record.expiresAt, sequence: record.sequence, record });
    }
  }

  /** Returns the waiting delivery that expires first. */
  get nextToExpire(): DeliveryRecord | undefined {
    for (let next = this.#expiring.peek(); next !== undefined; next = this.#expiring.peek()) {
      const { record, dueAt } = next;
      if (record.state === "pending" && record.expiresAt === dueAt && this.records.get(record.id) === record)
        return record;
      this.#expiring.pop();
    }
    return undefined;
  }

  /** Takes from their queues what waits and has expired. */
  takeExpired(now: number, limit: number): DeliveryRecord[] {
    const byEndpoint = new Map<string, Set<DeliveryRecord>>();
    const taken: DeliveryRecord[] = [];
    for (let next = this.nextToExpire; next !== undefined; next = this.nextToExpire) {
      if ((next.expiresAt as number) > now || taken.length === limit) break;
      this.#expiring.pop();
      const among = byEndpoint.get(next.endpointId) ?? new Set();
      byEndpoint.set(next.endpointId, among);
      if (!among.has(next)) taken.push(next);
      among.add(next);
    }
    for (const [endpointId, records] of byEndpoint) this.endpoint(endpointId).take(records);
    return taken;
  }

  /** Oldest first. */
  matching(query: DeliveryQuery): DeliveryRecord[] {
    const { eventId, ...wanted } = query;
    const all = eventId === undefined ? this.records.values() : (this.events.get(eventId)?.records ?? []);
    return [...all].filter((record) => matches(record, wanted)).sort(byAge);
  }

  /** Delivered and dead records, and events that went nowhere. */
  get finishedCount(): number {
    let count = this.#forgettable.size;
    for (const endpoint of this.endpoints.values()) count += endpoint.dead;
    return count;
  }

  /** Events with nothing left to do, oldest first. */
  finishedEvents(): StoredEvent[] {
    return [...this.events.values()]
      .filter((stored) => stored.records.every(isFinished))
      .sort((left, right) => left.event.createdAt - right.event.createdAt);
  }

  /** Forgets an event with all its deliveries, which must be finished. `listForgettable` must follow. */
  forget(stored: StoredEvent): void {
    if (stored.records.length === 0) return this.#forgetEvent(stored);
    for (const record of [...stored.records]) this.#forgetRecord(record);
  }

  /** Makes the list anew after records left it other than by its front. */
  listForgettable(): void {
    const unrouted = this.#forgettable
      .drain()
      .filter((item) => !("id" in item) && this.#unrouted.has(item.stored));
    for (const item of unrouted) this.#forgettable.push(item);
    for (const record of this.records.values()) {
      if (record.state === "delivered") this.#forgettable.push(record);
    }
  }

  clear(): void {
    this.events.clear();
    this.records.clear();
    this.endpoints.clear();
    this.#unrouted.clear();
    this.#expiring.drain();
    this.#forgettable.drain();
  }

  #roomFor(submissions: readonly Submission[]): number {
    const seen = submissions.length > 1 ? new Set<string>() : undefined;
    let room = 0;
    for (const { event, deliveries } of submissions) {
      if (this.events.has(event.id) || seen?.has(event.id) === true) continue;
      seen?.add(event.id);
      room += Math.max(1, deliveries.length);
    }
    return room;
  }

  endpoint(endpointId: string): EndpointDeliveries {
    let endpoint = this.endpoints.get(endpointId);
    if (endpoint === undefined) {
      endpoint = new EndpointDeliveries();
      this.endpoints.set(endpointId, endpoint);
    }
    return endpoint;
  }

  #forgetRecord(record: DeliveryRecord): void {
    const endpoint = this.endpoint(record.endpointId);
    endpoint.count(record.state, -1);
    record.version += 1;
    if (record.holds) {
      record.holds = false;
      endpoint.place(record, record.state);
    }
    this.records.delete(record.id);
    this.#size -= 1;
    const siblings = record.stored.records;
    siblings.splice(siblings.indexOf(record), 1);
    if (siblings.length === 0) this.events.delete(record.stored.event.id);
  }

  #forgetEvent(stored: StoredEvent): void {
    this.events.delete(stored.event.id);
    this.#unrouted.delete(stored);
    this.#size -= 1;
  }
}

export function claimOf(record: DeliveryRecord): Claim {
  const { id, endpointId, content, batch, previous, expiresAt, orderKey, version: lease } = record;
  const { event } = record.stored;
  const claim = { id, endpointId, event, attempt: record.attempt, replay: record.replays, lease };
  const isPlain = content === undefined && batch === undefined && previous === undefined;
  if (isPlain && expiresAt === undefined && orderKey === undefined) return claim;
  return {
    ...claim,
    ...(content === undefined ? {} : { content }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(orderKey === undefined ? {} : { orderKey }),
    ...(batch === undefined ? {} : { batch }),
    ...(previous === undefined ? {} : { previous }),
  };
}
