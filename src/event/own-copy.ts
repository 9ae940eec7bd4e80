/** What a function of the program gets of an event: what receivers get, in a copy of its own, so that no edit reaches anybody else. */
import { parseExactly } from "./exact-numbers.ts";
import type { WebhookEvent } from "./webhook-event.ts";

/** Makes a copy for one call. Its data is read from the event's body when it is first looked at; a number that JavaScript would round is its text. */
export function ownCopy(event: WebhookEvent, body: Buffer): WebhookEvent {
  const { id, event_type, timestamp, source, version } = event;
  const copy = { id, event_type, timestamp, data: undefined as unknown, source, version };
  function settle(value: unknown): void {
    Object.defineProperty(copy, "data", { value, writable: true, enumerable: true, configurable: true });
  }
  return Object.defineProperty(copy, "data", {
    get() {
      const { data } = parseExactly(body.toString()) as WebhookEvent;
      settle(data);
      return data;
    },
    set: settle,
    enumerable: true,
    configurable: true,
  });
}
