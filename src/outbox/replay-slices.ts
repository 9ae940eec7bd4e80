/** Replays any number of deliveries, oldest first, in slices: an outbox takes only so many in one call. */
import type { Delivery, DeliveryPage, DeliveryQuery, ReplaySelection } from "../event/delivery.ts";
import { replaySize } from "./query.ts";

/** An outbox, or whatever answers as one. */
export interface Replayed {
  find(query: DeliveryQuery): Promise<DeliveryPage>;
  get(deliveryId: string): Promise<Delivery | undefined>;
  replay(selection: ReplaySelection): Promise<readonly string[]>;
}

/**
 * Yields the ids of each slice once it is replayed, so that what ends in between leaves the rest as it was. Each
 * delivery is taken once, also where a running process lets it die meanwhile; what is accepted meanwhile is not.
 */
export async function* replaySlices(
  store: Replayed,
  selection: ReplaySelection,
): AsyncGenerator<readonly string[]> {
  const { deliveryIds, limit = Number.POSITIVE_INFINITY, dryRun, ...conditions } = selection;
  if (limit <= replaySize) return yield await store.replay(selection);
  if (deliveryIds === undefined) return yield* oldestFirst(store, conditions, limit, dryRun === true);
  let left = limit;
  for (let from = 0; from < deliveryIds.length && left > 0; from += replaySize) {
    const some = deliveryIds.slice(from, from + replaySize);
    const ids = await store.replay({ ...selection, deliveryIds: some, limit: Math.min(left, replaySize) });
    left -= ids.length;
    yield ids;
  }
}

async function* oldestFirst(
  store: Replayed,
  { state = "dead", ...conditions }: Omit<ReplaySelection, "deliveryIds" | "dryRun" | "limit">,
  limit: number,
  dryRun: boolean,
): AsyncGenerator<readonly string[]> {
  const [newest] = (await store.find({ ...conditions, state, limit: 1 })).deliveries;
  if (newest === undefined) return;
  const wanted = { ...conditions, state, until: newest.createdAt + 1 };
  let since = conditions.since ?? Number.NEGATIVE_INFINITY;
  /** Those taken already that may be of the moment `since`. */
  let taken = new Set<string>();
  let left = limit;
  let size = replaySize;
  while (left > 0) {
    const from = since === Number.NEGATIVE_INFINITY ? {} : { since };
    const seen = await store.replay({ ...wanted, ...from, limit: size, dryRun: true });
    const fresh = seen.filter((id) => !taken.has(id)).slice(0, left);
    if (fresh.length === 0) {
      if (seen.length < size) return;
      // More than that are of one moment.
      size *= 2;
      continue;
    }
    const last = await store.get(fresh.at(-1) ?? "");
    for (let begin = 0; begin < fresh.length; begin += replaySize) {
      const some = fresh.slice(begin, begin + replaySize);
      yield dryRun ? some : await store.replay({ state, deliveryIds: some });
    }
    left -= fresh.length;
    const at = last?.createdAt ?? since;
    taken = at === since ? new Set([...taken, ...fresh]) : new Set(fresh);
    since = at;
  }
}
