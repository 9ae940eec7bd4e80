/** The program's own functions that are called with events: the original's `add_event_handler`. */
import { matchesPattern } from "../event/event-types.ts";
import type { Logger } from "../event/logger.ts";
import { readableEvent, type WebhookEvent } from "../event/webhook-event.ts";

export type EventHandler = (event: WebhookEvent) => unknown;

export class EventHandlers {
  readonly byPattern = new Map<string, Set<EventHandler>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(pattern: string, handler: EventHandler): void {
    const handlers = this.byPattern.get(pattern) ?? new Set();
    this.byPattern.set(pattern, handlers.add(handler));
  }

  /** Returns whether it was there. */
  remove(pattern: string, handler: EventHandler): boolean {
    const handlers = this.byPattern.get(pattern);
    const removed = handlers?.delete(handler) ?? false;
    if (handlers?.size === 0) this.byPattern.delete(pattern);
    return removed;
  }

  wants(type: string): boolean {
    for (const pattern of this.byPattern.keys()) if (matchesPattern(pattern, type)) return true;
    return false;
  }

  /** Calls every handler of the type. One that throws or rejects is logged and disturbs nobody. */
  call(event: WebhookEvent): void {
    for (const [pattern, handlers] of this.byPattern) {
      if (!matchesPattern(pattern, event.event_type)) continue;
      for (const handler of handlers) this.#callOne(handler, event);
    }
  }

  #callOne(handler: EventHandler, event: WebhookEvent): void {
    const failed = (error: unknown): void =>
      this.#logger.error({ err: error, event_type: event.event_type }, "event handler failed");
    try {
      const result = handler(readableEvent(event));
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
