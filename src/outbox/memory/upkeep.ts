/** What searching, replaying and forgetting do in the memory outbox. */
import type { DeliveryQuery } from "../../event/delivery.ts";
import { isOlder, type Position, readCursor, writeCursor } from "../position.ts";
import { isFinished, pageSize, replaySize, stateToReplay } from "../query.ts";
import type { PullBack, ReplaySelection } from "../outbox.ts";
import type { DeliveryRecord } from "./record.ts";
import type { MemoryStore } from "./store.ts";

/** Returns one page, newest first, and where the next begins. */
export function findPage(
  store: MemoryStore,
  query: DeliveryQuery,
): { readonly records: readonly DeliveryRecord[]; readonly cursor?: string } {
  const limit = query.limit ?? pageSize;
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor);
  const matching = store.matching(query);
  const oldestFirst = query.order === "oldest";
  const isNext = (record: DeliveryRecord, after: Position): boolean =>
    oldestFirst ? isOlder(after, record) : isOlder(record, after);
  const found = cursor === undefined ? matching : matching.filter((record) => isNext(record, cursor));
  if (!oldestFirst) found.reverse();
  const records = found.slice(0, limit);
  const last = records.at(-1);
  return last === undefined || found.length <= limit ? { records } : { records, cursor: writeCursor(last) };
}

export function replay(store: MemoryStore, selection: ReplaySelection, now: number): readonly string[] {
  const { deliveryIds, dryRun = false, limit = replaySize } = selection;
  const state = stateToReplay(selection);
  const wanted = deliveryIds && new Set(deliveryIds);
  const chosen = store
    .matching(state === undefined ? selection : { ...selection, state })
    .filter((record) => isFinished(record) && (wanted?.has(record.id) ?? true))
    .slice(0, limit);
  if (!dryRun && chosen.length > 0) {
    for (const record of chosen) {
      record.attempt = 1;
      record.replays += 1;
      record.reason = undefined;
      record.expiresAt = undefined;
      record.holds = false;
      store.enter(record, "pending", now);
    }
    store.listForgettable();
  }
  return chosen.map((record) => record.id);
}

export function prune(
  store: MemoryStore,
  limits: { readonly before?: number; readonly keep?: number },
): number {
  const { before = Number.NEGATIVE_INFINITY, keep = Number.POSITIVE_INFINITY } = limits;
  const finished = store.finishedEvents();
  let left = store.finishedCount;
  let forgotten = 0;
  for (const stored of finished) {
    if (stored.event.createdAt >= before && left <= keep) break;
    left -= Math.max(1, stored.records.length);
    forgotten += stored.records.length;
    store.forget(stored);
  }
  if (finished.length > 0) store.listForgettable();
  return forgotten;
}

export function bury(store: MemoryStore, endpointId: string, reason: string, now: number): number {
  const records = store.endpoints.get(endpointId)?.takeAll() ?? [];
  for (const record of records) {
    record.reason = reason;
    store.enter(record, "dead", now);
  }
  return records.length;
}

export function pullBack(store: MemoryStore, endpointId: string, { beyond, upTo, dueAt }: PullBack): number {
  const endpoint = store.endpoints.get(endpointId);
  const records = endpoint?.takeBeyond(beyond, upTo) ?? [];
  if (upTo !== undefined) endpoint?.setClockBack(upTo - beyond, beyond);
  for (const record of records) store.enter(record, "pending", dueAt);
  return records.length;
}
