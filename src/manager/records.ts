/** What the outbox remembers: searched, explained, and delivered once more. */
import type {
  AttemptPage,
  AttemptQuery,
  Delivery,
  DeliveryPage,
  DeliveryQuery,
  ReplaySelection,
} from "../event/delivery.ts";
import { listAttempts } from "../outbox/list-attempts.ts";
import { replaySlices } from "../outbox/replay-slices.ts";
import {
  attemptQuery,
  nonEmptyText,
  query as querySetting,
  selection as selectionSetting,
} from "../settings/calls.ts";
import { argument } from "../settings/check.ts";
import type { Parts } from "./assemble.ts";

export function find({ outbox }: Parts, query: DeliveryQuery): Promise<DeliveryPage> {
  return outbox.find(argument("find", "options", querySetting, query));
}

export function attempts({ outbox }: Parts, query: AttemptQuery): Promise<AttemptPage> {
  return listAttempts(outbox, argument("attempts", "options", attemptQuery, query));
}

export function get({ outbox }: Parts, deliveryId: string): Promise<Delivery | undefined> {
  return outbox.get(argument("get", "deliveryId", nonEmptyText, deliveryId));
}

/** Wakes the lanes after each slice. Throws ENDPOINT_UNKNOWN where this process delivers, but not to that endpoint. */
export async function replay(
  { worker, endpoints, outbox }: Parts,
  selection: ReplaySelection,
): Promise<readonly string[]> {
  const wanted = argument("replay", "options", selectionSetting, selection);
  // Where it is not started, another process delivers, whose endpoints nobody here knows.
  if (wanted.endpointId !== undefined && worker.isStarted) endpoints.refuseUnknown(wanted.endpointId);
  const replayed: string[] = [];
  for await (const ids of replaySlices(outbox, wanted)) {
    // One by one: spread, they would be more arguments than a call may have.
    for (const id of ids) replayed.push(id);
    if (wanted.dryRun !== true) worker.wakeAll();
  }
  return replayed;
}

export { cancel, sendNow } from "./interventions.ts";
