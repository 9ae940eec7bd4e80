/** The handlers of received events, by type or pattern. */
import { WebhookError } from "../event/errors.ts";
import { isEventPattern, matchesPattern } from "../event/event-types.ts";
import type { ReceivedEvent } from "./received-event.ts";

/** Is called with an event's data, then the event. What it throws or rejects with makes the sender try again. */
export type WebhookHandler<Data = unknown> = (data: Data, event: ReceivedEvent<string, Data>) => unknown;

export class Handlers {
  /** A Map, because in an object an event type such as `constructor` would find a function nobody registered. */
  readonly #byPattern = new Map<string, Set<WebhookHandler>>();

  /** Returns what removes the handler. Throws EVENT_TYPE_UNKNOWN for a malformed pattern. */
  add(pattern: string, handler: WebhookHandler): () => void {
    if (typeof pattern !== "string" || !isEventPattern(pattern)) {
      throw new WebhookError(
        "EVENT_TYPE_UNKNOWN",
        "Expected a handler's type to be an event type, `prefix.*` or `*`",
      );
    }
    const handlers = this.#byPattern.get(pattern) ?? new Set();
    this.#byPattern.set(pattern, handlers.add(handler));
    return () => void handlers.delete(handler);
  }

  /**
   * Runs every handler whose pattern covers the event, all of them also where one fails, and waits for all.
   * Returns what they threw.
   */
  async run(event: ReceivedEvent): Promise<unknown[]> {
    const wanted = new Set<WebhookHandler>();
    for (const [pattern, handlers] of this.#byPattern) {
      if (matchesPattern(pattern, event.event_type)) for (const handler of handlers) wanted.add(handler);
    }
    const outcomes = await Promise.allSettled([...wanted].map(async (handler) => handler(event.data, event)));
    return outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  }
}
