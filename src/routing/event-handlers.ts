/** The program's own functions that are called with events: the original's `add_event_handler`. */
import { ignoreRejection } from "../event/at-once.ts";
import { matchesPattern } from "../event/event-types.ts";
import type { Logger } from "../event/logger.ts";
import { ownCopy } from "../event/own-copy.ts";
import { serializeEvent, type WebhookEvent } from "../event/webhook-event.ts";
import { throttle } from "../time/throttle.ts";
import { wallNow } from "../time/timers.ts";

export type EventHandler = (event: WebhookEvent) => unknown;

export class EventHandlers {
  readonly byPattern = new Map<string, Set<EventHandler>>();
  readonly #logger: Logger;
  readonly #failed: (error: unknown) => void;
  /** For each handler that failed, how many lines are held back. */
  readonly #throttles = new WeakMap<EventHandler, ReturnType<typeof throttle>>();

  /** `failed` hears, beside the logger, of every handler that threw or rejected. */
  constructor(logger: Logger, failed: (error: unknown) => void = () => undefined) {
    this.#logger = logger;
    this.#failed = failed;
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

  /**
   * Calls every handler of the type, each with a copy of its own of what receivers get. One that throws or rejects is
   * counted, logged and disturbs nobody.
   */
  call(event: WebhookEvent, body = serializeEvent(event, Number.POSITIVE_INFINITY)): void {
    for (const [pattern, handlers] of this.byPattern) {
      if (!matchesPattern(pattern, event.event_type)) continue;
      // Without a getter, so that whoever prints it sees the data.
      for (const handler of handlers) this.#callOne(handler, { ...ownCopy(event, body) });
    }
  }

  #callOne(handler: EventHandler, event: WebhookEvent): void {
    // The handler may change it.
    const { event_type } = event;
    const failed = (error: unknown): void => this.#tell(handler, error, event_type);
    try {
      ignoreRejection(handler(event), failed);
    } catch (error) {
      failed(error);
    }
  }

  #tell(handler: EventHandler, error: unknown, event_type: string): void {
    this.#failed(error);
    const countSince = this.#throttles.get(handler) ?? throttle(wallNow);
    this.#throttles.set(handler, countSince);
    const count = countSince(event_type, 1);
    const fields = { err: error, event_type, ...(count > 1 ? { count } : {}) };
    if (count > 0) this.#logger.error(fields, "event handler failed");
  }
}
