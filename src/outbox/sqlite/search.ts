/** Searches the SQLite outbox by query, step by step, with a pause for the event loop after each. */
import type { Delivery, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import { isOlder, type Position, readCursor, writeCursor } from "../position.ts";
import { matches, pageSize, type Wanted } from "../query.ts";
import { stateNumbers } from "./schema.ts";
import type { SqliteStore } from "./store.ts";
import type { Step, WalkedRow } from "./walk.ts";
import { nextTurn } from "../../time/timers.ts";

/** A query, where wanted within given deliveries only. */
interface Search extends DeliveryQuery {
  readonly deliveryIds?: readonly string[];
}

/** Most searches end within the first rows; the others look at no more rows than take a millisecond or two. */
const firstStepRows = 200;
const maxStepRows = 1000;

type Direction = "newest first" | "oldest first";

/** Returns one page. */
export async function findDeliveries(store: SqliteStore, query: DeliveryQuery): Promise<DeliveryPage> {
  const limit = query.limit ?? pageSize;
  const direction = query.order === "oldest" ? "oldest first" : "newest first";
  const found = await findRows(store, query, direction, limit + 1);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const deliveries = store
    .read(({ reads }) => page.map(({ sequence }) => reads.delivery(sequence)))
    .filter((delivery): delivery is Delivery => delivery !== undefined);
  if (found.length <= limit || last === undefined) return { deliveries };
  return { deliveries, cursor: writeCursor(last) };
}

/** Returns up to `limit` rows that match every field of a query. */
export async function findRows(
  store: SqliteStore,
  query: Search,
  direction: Direction,
  limit: number,
): Promise<WalkedRow[]> {
  const found: WalkedRow[] = [];
  const wanted = inNumbers(store, query);
  const ids = query.deliveryIds && new Set(query.deliveryIds);
  for await (const rows of stepsOf(store, query, direction)) {
    for (const row of rows) {
      if (found.length < limit && matches(row, wanted) && ids?.has(row.id) !== false) found.push(row);
    }
    const last = rows.at(-1);
    if (found.length >= limit || last === undefined || isBeyond(last, query, direction)) break;
  }
  return found;
}

/** A query as the rows of the file can be compared with. The walk sees to the event it asks for. */
function inNumbers(store: SqliteStore, query: Search): Wanted<number, number> {
  const { endpointId, state, eventType, since, until } = query;
  return {
    ...(endpointId !== undefined && {
      // An endpoint that was never seen matches no row.
      endpointId: store.read(({ reads }) => reads.endpointKey(endpointId)) ?? Number.NaN,
    }),
    ...(state !== undefined && { state: stateNumbers[state] }),
    ...(eventType !== undefined && { eventType }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}

/** True where no later row of this direction can be within the query's time. */
function isBeyond(row: WalkedRow, query: Search, direction: Direction): boolean {
  if (direction === "newest first") return query.since !== undefined && row.createdAt < query.since;
  return query.until !== undefined && row.createdAt >= query.until;
}

async function* stepsOf(
  store: SqliteStore,
  query: Search,
  direction: Direction,
): AsyncGenerator<readonly WalkedRow[]> {
  const { eventId, deliveryIds } = query;
  const start = startOf(query, direction);
  if (eventId !== undefined || deliveryIds !== undefined) {
    const rows = store.read(({ walk }) => {
      return eventId === undefined ? walk.ofDeliveries(deliveryIds ?? []) : walk.ofEvent(eventId);
    });
    if (direction === "oldest first") yield rows.filter((row) => isOlder(start, row));
    else yield rows.filter((row) => isOlder(row, start)).toReversed();
    return;
  }
  const onlyDead = query.state === "dead";
  let stepRows = firstStepRows;
  for (let from: Position | undefined = start; from !== undefined; stepRows = maxStepRows) {
    const position: Position = from;
    const step: Step = store.read(({ walk }) => {
      return direction === "newest first"
        ? walk.older(position, onlyDead, stepRows)
        : walk.newer(position, onlyDead, stepRows);
    });
    yield step.rows;
    from = step.next;
    if (from !== undefined) await nextTurn();
  }
}

/** Rows have sequence numbers from 1: with a time and 0, a position stands before all rows of that time. */
function startOf(query: DeliveryQuery, direction: Direction): Position {
  if (query.cursor !== undefined) return readCursor(query.cursor);
  if (direction === "oldest first")
    return { createdAt: query.since ?? Number.NEGATIVE_INFINITY, sequence: 0 };
  return { createdAt: query.until ?? Number.POSITIVE_INFINITY, sequence: 0 };
}
