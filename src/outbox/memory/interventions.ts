/** What changes waiting deliveries of the memory outbox other than an attempt: hands, time, and what comes late. */
import type { Intervention } from "../../event/delivery.ts";
import { cursorInvalid } from "../position.ts";
import type { Ended, Intervened, LateDelivery, MissedPage } from "../outbox.ts";
import { cancelledReason, expiredReason } from "../reasons.ts";
import type { DeliveryRecord } from "./record.ts";
import type { MemoryStore } from "./store.ts";

const expiredAtOnce = 1000;

export function sendNow(store: MemoryStore, deliveryId: string, asked: Intervention): Intervened {
  const record = store.records.get(deliveryId);
  if (record?.state !== "pending") return whyNot(record);
  store.endpoint(record.endpointId).take(new Set([record]));
  note(record, asked);
  store.enter(record, "pending", Math.min(record.dueAt, asked.at));
  return "done";
}

export function cancel(store: MemoryStore, deliveryId: string, asked: Intervention): Intervened {
  const record = store.records.get(deliveryId);
  if (record === undefined || !(record.state === "pending" || record.holds)) return whyNot(record);
  if (record.state === "pending") store.endpoint(record.endpointId).take(new Set([record]));
  note(record, asked);
  record.holds = false;
  record.reason = cancelledReason(asked.reason);
  record.batch = undefined;
  store.enter(record, "dead", asked.at);
  return "done";
}

export function expire(store: MemoryStore, now: number): readonly Ended[] {
  const ended = store.takeExpired(now, expiredAtOnce);
  for (const record of ended) {
    record.reason = expiredReason;
    store.enter(record, "dead", now);
  }
  return ended.map(({ id, stored, eventType, endpointId, createdAt }) => {
    return { id, eventId: stored.event.id, eventType, endpointId, createdAt };
  });
}

export function missed(
  store: MemoryStore,
  endpointId: string,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): MissedPage {
  if (cursor !== undefined && !/^\d+$/.test(cursor)) throw cursorInvalid();
  const after = cursor === undefined ? -1 : Number(cursor);
  const found = [];
  for (const stored of store.events.values()) {
    if (stored.sequence <= after || stored.records.some((record) => record.endpointId === endpointId))
      continue;
    const wasOff = stored.event.decisions.some(
      (decision) => decision.endpointId === endpointId && !decision.routed && decision.reason === "disabled",
    );
    if (wasOff) found.push(stored);
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const events = page.map(({ event }) => event);
  const last = page.at(-1);
  return found.length > limit && last !== undefined ? { events, cursor: String(last.sequence) } : { events };
}

/** Throws OUTBOX_FULL, and then has added nothing. */
export function addLate(store: MemoryStore, late: readonly LateDelivery[]): number {
  const fresh = late.filter(
    ({ eventId, delivery }) => store.events.has(eventId) && !store.records.has(delivery.id),
  );
  store.makeRoomForLate(fresh.length);
  let added = 0;
  for (const { eventId, delivery } of fresh) {
    const stored = store.events.get(eventId);
    if (stored === undefined || store.records.has(delivery.id)) continue;
    store.enter(store.addDelivery(stored, delivery), "pending", delivery.dueAt);
    added += 1;
  }
  if (added > 0) store.listForgettable();
  return added;
}

function note(record: DeliveryRecord, asked: Intervention): void {
  record.interventions = [...(record.interventions ?? []), asked];
}

function whyNot(record: DeliveryRecord | undefined): Intervened {
  if (record === undefined) return "unknown";
  return record.state === "delivering" ? "under way" : "finished";
}
