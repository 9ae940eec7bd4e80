/** The outbox for tests and short scripts: bounded, fast, and gone with its process. */
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import { check } from "../../settings/check.ts";
import { dueAmong, type Earliest, withOldestDue } from "../due.ts";
import { expiredReason } from "../reasons.ts";
import { closed, noTransactions } from "../refusals.ts";
import { addLate, cancel, expire, missed, sendNow } from "./interventions.ts";
import { EndpointShelf } from "./endpoint-shelf.ts";
import { type MemoryOutboxOptions, memoryOptions } from "./options.ts";
import { type DeliveryRecord, deliveryOf } from "./record.ts";
import { claimOf, MemoryStore } from "./store.ts";
import { bury, findPage, prune, pullBack, replay } from "./upkeep.ts";
import type {
  Claim,
  Claimed,
  Ended,
  EndpointLimits,
  Intervened,
  LateDelivery,
  MissedPage,
  NewDelivery,
  PutOptions,
  Due,
  EndpointCounts,
  EventRecord,
  Outbox,
  PullBack,
  ReplaySelection,
  Settlement,
  Stored,
  Submission,
} from "../outbox.ts";
import { wallNow } from "../../time/timers.ts";

/** Keeps everything in this process, and nothing beyond it. Throws CONFIG_INVALID for an option that is unknown or wrong. */
export function memoryOutbox(options: MemoryOutboxOptions = {}): Outbox {
  check("memoryOutbox()", memoryOptions, options);
  return new MemoryOutbox(options.maxDeliveries ?? 10_000, options.now ?? wallNow);
}

class MemoryOutbox extends EndpointShelf implements Outbox {
  readonly contract = 2;
  readonly name = "memory";
  readonly guarantees = { durable: false, shared: false, transactional: false, clusterLimits: true };
  /** Nobody is left to take over from this process. */
  readonly leaseMs = Number.POSITIVE_INFINITY;
  readonly #store: MemoryStore;
  readonly #now: () => number;
  #closed = false;

  constructor(maxDeliveries: number, now: () => number) {
    super();
    this.#store = new MemoryStore(maxDeliveries);
    this.#now = now;
  }

  async put(submissions: readonly Submission[], options?: PutOptions): Promise<readonly Stored[]> {
    this.assertOpen();
    if (options?.transaction !== undefined) throw noTransactions("memory");
    this.#store.makeRoomFor(submissions);
    return submissions.map((submission) => this.#add(submission));
  }

  async claim(endpointId: string, limit: number, limits?: EndpointLimits): Promise<Claimed> {
    this.assertOpen();
    const endpoint = this.#store.endpoints.get(endpointId);
    if (endpoint === undefined) return { claims: [] };
    const now = this.#now();
    const room = endpoint.room(limits, limit, now);
    const records = endpoint.takeDue(room.deliveries, now);
    endpoint.granted(limits, records.length, now);
    const claims = records.map((record) => {
      this.#store.enter(record, "delivering", record.dueAt);
      return claimOf(record);
    });
    const isMore = room.nextAt !== undefined && (endpoint.earliestDueAt ?? Number.POSITIVE_INFINITY) <= now;
    return isMore && room.nextAt !== undefined ? { claims, nextAt: room.nextAt } : { claims };
  }

  async settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    this.assertOpen();
    const record = this.#store.records.get(claim.id);
    if (record === undefined || record.state !== "delivering" || record.version !== claim.lease)
      return "lost";
    if (attempt !== undefined) {
      record.attempts.push(attempt);
      const { traceId, spanId } = attempt;
      if (traceId !== undefined && spanId !== undefined) record.previous = { traceId, spanId };
    }
    if (settlement.kind === "release") {
      record.reason = settlement.reason ?? record.reason;
      this.#store.enter(record, "pending", settlement.dueAt);
    } else if (settlement.kind === "retry") {
      record.reason = settlement.reason;
      record.batch = settlement.batch;
      record.attempt += 1;
      this.#store.enter(record, "pending", settlement.dueAt);
    } else {
      record.reason = settlement.kind === "dead" ? settlement.reason : undefined;
      record.batch = undefined;
      record.holds =
        settlement.kind === "dead" &&
        record.orderKey !== undefined &&
        settlement.reason !== expiredReason &&
        this.#store.endpoint(record.endpointId).blocks;
      this.#store.enter(record, settlement.kind, this.#now());
    }
    return "settled";
  }

  async due(): Promise<Due> {
    this.assertOpen();
    const earliest = Array.from(
      this.#store.endpoints,
      ([endpointId, { earliestDueAt }]): Earliest => [endpointId, earliestDueAt],
    );
    const expiresAt = this.#store.nextToExpire?.expiresAt;
    return {
      ...dueAmong(earliest, this.#now()),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(this.version === 0 ? {} : { version: this.version }),
    };
  }

  async expire(): Promise<readonly Ended[]> {
    this.assertOpen();
    return expire(this.#store, this.#now());
  }

  async sendNow(deliveryId: string, by: string): Promise<Intervened> {
    this.assertOpen();
    return sendNow(this.#store, deliveryId, { action: "send", by, at: this.#now() });
  }

  async cancel(deliveryId: string, by: string, reason?: string): Promise<Intervened> {
    this.assertOpen();
    const why = reason === undefined ? {} : { reason };
    return cancel(this.#store, deliveryId, { action: "cancel", by, at: this.#now(), ...why });
  }

  async missed(endpointId: string, page: Parameters<Outbox["missed"]>[1]): Promise<MissedPage> {
    this.assertOpen();
    return missed(this.#store, endpointId, page);
  }

  async add(deliveries: readonly LateDelivery[]): Promise<number> {
    this.assertOpen();
    return addLate(this.#store, deliveries);
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    this.assertOpen();
    const { records, cursor } = findPage(this.#store, query);
    const deliveries = records.map((record) => this.#deliveryOf(record));
    return cursor === undefined ? { deliveries } : { deliveries, cursor };
  }

  async get(deliveryId: string): Promise<Delivery | undefined> {
    this.assertOpen();
    const record = this.#store.records.get(deliveryId);
    return record && this.#deliveryOf(record);
  }

  async event(eventId: string): Promise<EventRecord | undefined> {
    this.assertOpen();
    const stored = this.#store.events.get(eventId);
    return (
      stored && { event: stored.event, deliveries: stored.records.map((record) => this.#deliveryOf(record)) }
    );
  }

  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    this.assertOpen();
    return replay(this.#store, selection, this.#now());
  }

  async bury(endpointId: string, reason: string): Promise<number> {
    this.assertOpen();
    return bury(this.#store, endpointId, reason, this.#now());
  }

  async pullBack(endpointId: string, times: PullBack): Promise<number> {
    this.assertOpen();
    return pullBack(this.#store, endpointId, times);
  }

  async counts(): Promise<readonly EndpointCounts[]> {
    this.assertOpen();
    const now = this.#now();
    return Array.from(this.#store.endpoints, ([endpointId, endpoint]) => {
      const { pending, delivering, dead, earliestDueAt } = endpoint;
      return withOldestDue({ endpointId, pending, delivering, dead }, earliestDueAt, now);
    });
  }

  async prune(limits: Parameters<Outbox["prune"]>[0]): Promise<number> {
    this.assertOpen();
    return prune(this.#store, limits);
  }

  async ping(): Promise<void> {
    this.assertOpen();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#store.clear();
  }

  /** Tells whether a delivery that is being stored may be claimed, and counts it then. */
  #grants({ endpointId, orderKey, expiresAt, limits }: NewDelivery): boolean {
    if (limits === undefined && orderKey === undefined && expiresAt === undefined) return true;
    const endpoint = this.#store.endpoint(endpointId);
    const now = this.#now();
    if (orderKey !== undefined && endpoint.holdsBack(orderKey)) return false;
    if (expiresAt !== undefined && expiresAt <= now) return false;
    if (limits === undefined) return true;
    const { deliveries } = endpoint.room(limits, 1, now);
    endpoint.granted(limits, deliveries, now);
    return deliveries === 1;
  }

  protected assertOpen(): void {
    if (this.#closed) throw closed("memory");
  }

  #deliveryOf(record: DeliveryRecord): Delivery {
    if (record.orderKey === undefined) return deliveryOf(record);
    return deliveryOf(record, this.#store.endpoint(record.endpointId).aheadOf(record));
  }

  #add({ event, deliveries }: Submission): Stored {
    if (this.#store.events.has(event.id)) return { accepted: false, claims: [] };
    const stored = this.#store.addEvent(event);
    const claims: Claim[] = [];
    for (const delivery of deliveries) {
      if (this.#store.records.has(delivery.id)) continue;
      const record = this.#store.addDelivery(stored, delivery);
      const granted = delivery.claim === true && this.#grants(delivery);
      this.#store.enter(record, granted ? "delivering" : "pending", delivery.dueAt);
      if (granted) claims.push(claimOf(record));
    }
    if (stored.records.length === 0) this.#store.addUnrouted(stored);
    return { accepted: true, claims };
  }
}
