/** Searches the SQLite outbox by query, step by step, with a pause for the event loop after each. */
import { setImmediate as pause } from "node:timers/promises";
import type { Delivery, DeliveryPage, DeliveryQuery } from "../event/delivery.ts";
import { stateNumbers } from "./sqlite-schema.ts";
import type { SqliteStore } from "./sqlite-store.ts";
import type { Position, Step, WalkedRow } from "./sqlite-walk.ts";

/** A query, where wanted within given deliveries only. */
interface Search extends DeliveryQuery {
  readonly deliveryIds?: readonly string[];
}

type Direction = "newest first" | "oldest first";

/** Answers one page, newest first. */
export async function findDeliveries(store: SqliteStore, query: DeliveryQuery): Promise<DeliveryPage> {
  const limit = query.limit ?? 100;
  const rows: WalkedRow[] = [];
  for await (const row of matchingRows(store, query, "newest first")) {
    if (rows.push(row) > limit) break;
  }
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const deliveries = store.read(({ reads }) => page.map(({ sequence }) => reads.delivery(sequence)));
  const present = deliveries.filter((delivery): delivery is Delivery => delivery !== undefined);
  if (rows.length <= limit || last === undefined) return { deliveries: present };
  return { deliveries: present, cursor: `${last.createdAt}.${last.sequence}` };
}

/** Yields the rows that match every field of a query. */
export async function* matchingRows(
  store: SqliteStore,
  query: Search,
  direction: Direction,
): AsyncGenerator<WalkedRow, void, void> {
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, endpointId, eventType } = query;
  const endpoint =
    endpointId === undefined ? undefined : store.read(({ ledger }) => ledger.endpointKey(endpointId));
  if (endpointId !== undefined && endpoint === undefined) return;
  const wanted = query.deliveryIds && new Set(query.deliveryIds);
  const state = query.state === undefined ? undefined : stateNumbers[query.state];
  for await (const row of rowsInOrder(store, query, direction)) {
    if (direction === "newest first" ? row.createdAt < since : row.createdAt >= until) return;
    if (row.createdAt < since || row.createdAt >= until) continue;
    if (endpoint !== undefined && row.endpoint !== endpoint) continue;
    if (state !== undefined && row.state !== state) continue;
    if (wanted?.has(row.id) === false) continue;
    if (eventType !== undefined && row.type !== eventType) continue;
    yield row;
  }
}

async function* rowsInOrder(
  store: SqliteStore,
  query: Search,
  direction: Direction,
): AsyncGenerator<WalkedRow, void, void> {
  const { eventId, deliveryIds } = query;
  let position: Position | undefined = startOf(query, direction);
  if (eventId !== undefined || deliveryIds !== undefined) {
    const from = position;
    const rows = store.read(({ walk }) => {
      return eventId === undefined ? walk.ofDeliveries(deliveryIds ?? []) : walk.ofEvent(eventId);
    });
    if (direction === "oldest first") yield* rows.filter((row) => isBefore(from, row));
    else yield* rows.filter((row) => isBefore(row, from)).toReversed();
    return;
  }
  const onlyDead = query.state === "dead";
  while (position !== undefined) {
    const from: Position = position;
    const step: Step = store.read(({ walk }) => {
      return direction === "newest first" ? walk.older(from, onlyDead) : walk.newer(from, onlyDead);
    });
    yield* step.rows;
    position = step.next;
    if (position !== undefined) await pause();
  }
}

/** Rows have sequence numbers from 1: with a time and 0, a position stands before all rows of that time. */
function startOf(query: DeliveryQuery, direction: Direction): Position {
  if (direction === "oldest first")
    return { createdAt: query.since ?? Number.NEGATIVE_INFINITY, sequence: 0 };
  const [createdAt = Number.NaN, sequence = Number.NaN] = query.cursor?.split(".").map(Number) ?? [];
  if (query.cursor !== undefined) return { createdAt, sequence };
  return { createdAt: query.until ?? Number.POSITIVE_INFINITY, sequence: 0 };
}

function isBefore(left: Position, right: Position): boolean {
  return (
    left.createdAt < right.createdAt || (left.createdAt === right.createdAt && left.sequence < right.sequence)
  );
}
