/** The outbox for tests and short scripts: bounded, fast, and gone with its process. */
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import { check } from "../../settings/check.ts";
import { dueAmong, type Earliest, withOldestDue } from "../due.ts";
import { isOlder, readCursor, writeCursor } from "../position.ts";
import { isFinished, pageSize, replaySize, stateToReplay } from "../query.ts";
import { closed } from "../refusals.ts";
import { type MemoryOutboxOptions, memoryOptions } from "./options.ts";
import { type DeliveryRecord, deliveryOf } from "./record.ts";
import { MemoryStore } from "./store.ts";
import { KeptInProcess } from "../kept-in-process.ts";
import type {
  Claim,
  Claimed,
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

class MemoryOutbox extends KeptInProcess implements Outbox {
  readonly contract = 2;
  readonly name = "memory";
  readonly guarantees = { durable: false, shared: false, transactional: false, clusterLimits: false };
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

  async put(submissions: readonly Submission[]): Promise<readonly Stored[]> {
    this.#assertOpen();
    this.#store.makeRoomFor(submissions);
    return submissions.map((submission) => this.#add(submission));
  }

  async claim(endpointId: string, limit: number): Promise<Claimed> {
    this.#assertOpen();
    const records = this.#store.endpoints.get(endpointId)?.takeDue(limit, this.#now()) ?? [];
    const claims = records.map((record) => {
      this.#store.enter(record, "delivering", record.dueAt);
      return claimOf(record);
    });
    return { claims };
  }

  async settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    this.#assertOpen();
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
      this.#store.enter(record, settlement.kind, this.#now());
    }
    return "settled";
  }

  async due(): Promise<Due> {
    this.#assertOpen();
    const earliest = Array.from(
      this.#store.endpoints,
      ([endpointId, { earliestDueAt }]): Earliest => [endpointId, earliestDueAt],
    );
    return dueAmong(earliest, this.#now());
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    this.#assertOpen();
    const limit = query.limit ?? pageSize;
    const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor);
    const matching = this.#store.matching(query);
    const found = cursor === undefined ? matching : matching.filter((record) => isOlder(record, cursor));
    found.reverse();
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const deliveries = page.map(deliveryOf);
    if (last === undefined || found.length <= limit) return { deliveries };
    return { deliveries, cursor: writeCursor(last) };
  }

  async get(deliveryId: string): Promise<Delivery | undefined> {
    this.#assertOpen();
    const record = this.#store.records.get(deliveryId);
    return record && deliveryOf(record);
  }

  async event(eventId: string): Promise<EventRecord | undefined> {
    this.#assertOpen();
    const stored = this.#store.events.get(eventId);
    return stored && { event: stored.event, deliveries: stored.records.map(deliveryOf) };
  }

  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    this.#assertOpen();
    const { deliveryIds, dryRun = false, limit = replaySize } = selection;
    const state = stateToReplay(selection);
    const wanted = deliveryIds && new Set(deliveryIds);
    const chosen = this.#store
      .matching(state === undefined ? selection : { ...selection, state })
      .filter((record) => isFinished(record) && (wanted?.has(record.id) ?? true))
      .slice(0, limit);
    if (!dryRun && chosen.length > 0) {
      for (const record of chosen) {
        record.attempt = 1;
        record.replays += 1;
        record.reason = undefined;
        this.#store.enter(record, "pending", this.#now());
      }
      this.#store.listForgettable();
    }
    return chosen.map((record) => record.id);
  }

  async bury(endpointId: string, reason: string): Promise<number> {
    this.#assertOpen();
    const records = this.#store.endpoints.get(endpointId)?.takeAll() ?? [];
    for (const record of records) {
      record.reason = reason;
      this.#store.enter(record, "dead", this.#now());
    }
    return records.length;
  }

  async pullBack(endpointId: string, { beyond, dueAt }: PullBack): Promise<number> {
    this.#assertOpen();
    const records = this.#store.endpoints.get(endpointId)?.takeBeyond(beyond) ?? [];
    for (const record of records) this.#store.enter(record, "pending", dueAt);
    return records.length;
  }

  async counts(): Promise<readonly EndpointCounts[]> {
    this.#assertOpen();
    const now = this.#now();
    return Array.from(this.#store.endpoints, ([endpointId, endpoint]) => {
      const { pending, delivering, dead, earliestDueAt } = endpoint;
      return withOldestDue({ endpointId, pending, delivering, dead }, earliestDueAt, now);
    });
  }

  async prune(limits: { readonly before?: number; readonly keep?: number }): Promise<number> {
    this.#assertOpen();
    const { before = Number.NEGATIVE_INFINITY, keep = Number.POSITIVE_INFINITY } = limits;
    const finished = this.#store.finishedEvents();
    let left = this.#store.finishedCount;
    let forgotten = 0;
    for (const stored of finished) {
      if (stored.event.createdAt >= before && left <= keep) break;
      left -= Math.max(1, stored.records.length);
      forgotten += stored.records.length;
      this.#store.forget(stored);
    }
    if (finished.length > 0) this.#store.listForgettable();
    return forgotten;
  }

  async ping(): Promise<void> {
    this.#assertOpen();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#store.clear();
  }

  #assertOpen(): void {
    if (this.#closed) throw closed("memory");
  }

  #add({ event, deliveries }: Submission): Stored {
    if (this.#store.events.has(event.id)) return { accepted: false, claims: [] };
    const stored = this.#store.addEvent(event);
    const claims: Claim[] = [];
    for (const delivery of deliveries) {
      if (this.#store.records.has(delivery.id)) continue;
      const record = this.#store.addDelivery(stored, delivery);
      this.#store.enter(record, delivery.claim === true ? "delivering" : "pending", delivery.dueAt);
      if (delivery.claim === true) claims.push(claimOf(record));
    }
    if (stored.records.length === 0) this.#store.addUnrouted(stored);
    return { accepted: true, claims };
  }
}

function claimOf(record: DeliveryRecord): Claim {
  const { id, endpointId, content, batch, previous, version: lease } = record;
  const { event } = record.stored;
  const claim = { id, endpointId, event, attempt: record.attempt, replay: record.replays, lease };
  if (content === undefined && batch === undefined && previous === undefined) return claim;
  return {
    ...claim,
    ...(content === undefined ? {} : { content }),
    ...(batch === undefined ? {} : { batch }),
    ...(previous === undefined ? {} : { previous }),
  };
}
