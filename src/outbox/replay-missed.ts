/** Replays what an endpoint missed: its deliveries that died since a time, however long ago they were accepted. */
import type { Outbox } from "./outbox.ts";

/** Answers the ids. In pages, because a long outage leaves many. */
export async function replayMissed(outbox: Outbox, endpointId: string, since: number): Promise<string[]> {
  const replayed: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { endpointId, state: "dead", limit: 1000 } as const;
    const page = await outbox.find(cursor === undefined ? query : { ...query, cursor });
    const deliveryIds = page.deliveries.filter(({ dueAt }) => dueAt >= since).map(({ id }) => id);
    if (deliveryIds.length > 0) replayed.push(...(await outbox.replay({ deliveryIds })));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return replayed;
}
