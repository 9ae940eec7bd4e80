/** Finds deliveries in Redis by the shortest list that holds them all. */
import type { Delivery, DeliveryQuery } from "../../event/delivery.ts";
import { cursorInvalid } from "../position.ts";
import { exactType, matches } from "../query.ts";
import { ageOf, eventFields, idInList, isEntry, readDelivery, readEvent } from "./records.ts";
import type { Connected, RedisSession } from "./session.ts";

type Order = "newest first" | "oldest first";

interface Found {
  readonly delivery: Delivery;
  /** Its entry in the lists, by which a search goes on behind it. */
  readonly entry: string;
}

const chunkSize = 200;

export async function readDeliveries(
  session: RedisSession,
  ids: readonly string[],
): Promise<(Delivery | undefined)[]> {
  const hashes = await session.use(({ client }) =>
    Promise.all(ids.map((id) => client.hgetall(`${session.prefix}:delivery:${id}`))),
  );
  return hashes.map((hash, index) => readDelivery(ids[index] as string, hash));
}

export async function readStoredEvent(session: RedisSession, id: string) {
  const answer = await session.use(({ client }) =>
    client.hmgetBuffer(`${session.prefix}:event:${id}`, ...eventFields),
  );
  return readEvent(id, answer);
}

/** Walks through the deliveries that match, by age. Throws CONFIG_INVALID for a cursor of another form. */
export async function* search(
  session: RedisSession,
  query: DeliveryQuery,
  order: Order = query.order === "oldest" ? "oldest first" : "newest first",
): AsyncGenerator<Found> {
  if (query.cursor !== undefined && !isEntry(query.cursor)) throw cursorInvalid();
  if (query.eventId !== undefined) return yield* searchEvent(session, query.eventId, query, order);
  const list = await shortestList(session, query);
  let [from, to] = boundsOf(query, order);
  for (;;) {
    const entries = await session.use(({ client }) =>
      order === "newest first"
        ? client.zrevrangebylex(list, to, from, "LIMIT", 0, chunkSize)
        : client.zrangebylex(list, from, to, "LIMIT", 0, chunkSize),
    );
    const deliveries = await readDeliveries(session, entries.map(idInList));
    for (const [index, delivery] of deliveries.entries()) {
      if (delivery && matches(delivery, query)) yield { delivery, entry: entries[index] as string };
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < chunkSize) return;
    if (order === "newest first") to = `(${last}`;
    else from = `(${last}`;
  }
}

/** Orders deliveries as the lists do, oldest first. */
export function byAge(left: Delivery, right: Delivery): number {
  const [one, other] = [ageOf(left.createdAt) + left.id, ageOf(right.createdAt) + right.id];
  return one < other ? -1 : one > other ? 1 : 0;
}

async function* searchEvent(
  session: RedisSession,
  eventId: string,
  query: DeliveryQuery,
  order: Order,
): AsyncGenerator<Found> {
  const stored = await readStoredEvent(session, eventId);
  const deliveries = await readDeliveries(session, stored?.deliveryIds ?? []);
  const found = deliveries.filter((delivery) => delivery !== undefined && matches(delivery, query));
  const sorted = (found as Delivery[]).sort(byAge);
  if (order === "newest first") sorted.reverse();
  for (const delivery of sorted) {
    const entry = ageOf(delivery.createdAt) + delivery.id;
    if (query.cursor === undefined || isBehind(entry, query.cursor, order)) yield { delivery, entry };
  }
}

async function shortestList(session: RedisSession, query: DeliveryQuery): Promise<string> {
  const { prefix } = session;
  const type = exactType(query);
  const lists = [
    ...(query.endpointId === undefined ? [] : [`${prefix}:endpoint:${query.endpointId}`]),
    ...(type === undefined ? [] : [`${prefix}:type:${type}`]),
    ...(query.state === undefined ? [] : [`${prefix}:state:${query.state}`]),
  ];
  if (lists.length < 2) return lists[0] ?? `${prefix}:all`;
  const lengths = await session.use(({ client }: Connected) =>
    Promise.all(lists.map((list) => client.zcard(list))),
  );
  return lists[lengths.indexOf(Math.min(...lengths))] as string;
}

function isBehind(entry: string, cursor: string, order: Order): boolean {
  return order === "newest first" ? entry < cursor : entry > cursor;
}

function boundsOf({ since, until, cursor }: DeliveryQuery, order: Order): [from: string, to: string] {
  const [first, end] = [since, until].map((time) => (time === undefined ? undefined : ageOf(time)));
  const begin = first === undefined ? "-" : `[${first}`;
  if (cursor === undefined) return [begin, end === undefined ? "+" : `(${end}`];
  if (order === "newest first") return [begin, `(${end === undefined || cursor < end ? cursor : end}`];
  return [first === undefined || cursor > first ? `(${cursor}` : begin, end === undefined ? "+" : `(${end}`];
}
