/** What orders the deliveries of an endpoint: a value within the event. */
import type { WebhookEvent } from "./webhook-event.ts";

/** Receivers of one key wait for each other, so that it is no place for a whole document. */
const longest = 256;

/** Returns undefined where there is no value, or none that could be a key: then the delivery waits for nobody. */
export function orderKeyOf(event: WebhookEvent, path: readonly string[]): string | undefined {
  let value: unknown = event;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  if (!["string", "number", "boolean", "bigint"].includes(typeof value)) return undefined;
  const key = String(value);
  return key === "" ? undefined : key.slice(0, longest);
}
