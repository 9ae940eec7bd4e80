/** Replays what an endpoint missed: its deliveries that died since its last success, however long ago they were accepted. */
import type { Outbox } from "./outbox.ts";

/**
 * Returns the ids. The last success is that of the newest event delivered; what died since `failingSince` counts too,
 * because an attempt that was under way may have succeeded after the endpoint was switched off. In pages, because a
 * long outage leaves many.
 */
export async function replayMissed(
  outbox: Outbox,
  endpointId: string,
  failingSince = Number.POSITIVE_INFINITY,
  dryRun = false,
): Promise<string[]> {
  const [last] = (await outbox.find({ endpointId, state: "delivered", limit: 1 })).deliveries;
  const succeededAt = last?.dueAt ?? Number.NEGATIVE_INFINITY;
  const replayed: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { endpointId, state: "dead", limit: 1000 } as const;
    const page = await outbox.find(cursor === undefined ? query : { ...query, cursor });
    const deliveryIds = page.deliveries
      .filter(({ dueAt: diedAt }) => diedAt > succeededAt || diedAt >= failingSince)
      .map(({ id }) => id);
    if (deliveryIds.length > 0) replayed.push(...(await outbox.replay({ deliveryIds, dryRun })));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return replayed;
}
