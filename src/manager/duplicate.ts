/** An event id that comes again: the same event is answered as the one that is stored, another is refused. */
import { isDeepStrictEqual } from "node:util";
import { WebhookError } from "../event/errors.ts";
import { parseExactly } from "../event/exact-numbers.ts";
import { memberText } from "../event/json-parts.ts";
import type { Outbox, OutboxEvent } from "../outbox/outbox.ts";

/** Returns the ids of the deliveries that are stored for it. Throws EVENT_ID_REUSED where they are another event's. */
export async function idsStoredFor(
  event: OutboxEvent,
  outbox: Pick<Outbox, "event">,
): Promise<readonly string[]> {
  const record = await outbox.event(event.id);
  // Forgotten meanwhile.
  if (record === undefined) return [];
  const { type } = record.event;
  if (type !== event.type) throw reused(type, `comes again for \`${event.type}\``);
  if (!isSameData(record.event.body, event.body))
    throw reused(type, `comes again for \`${type}\` with other data`);
  return record.deliveries.map(({ id }) => id);
}

function reused(type: string, again: string): WebhookError {
  return new WebhookError("EVENT_ID_REUSED", `The id of an event that was stored, \`${type}\`, ${again}`);
}

/** The times of both differ. The order of keys and the blanks between may. */
function isSameData(stored: Buffer, given: Buffer): boolean {
  const [one = "", other = ""] = [stored, given].map((body) => memberText(body.toString(), "data"));
  if (one === other) return true;
  try {
    return isDeepStrictEqual(parseExactly(one), parseExactly(other));
  } catch {
    // Nested deeper than can be compared.
    return false;
  }
}
