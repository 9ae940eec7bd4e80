/** Which event types a manager takes: the built-in ones, what plugins declare, and what the program lists. */
import { WebhookError } from "./errors.ts";
import {
  builtInEventTypes,
  isEventPattern,
  isEventType,
  matchesPattern,
  nearestTypes,
} from "./event-types.ts";

export class KnownTypes {
  readonly #types = new Set(builtInEventTypes);
  readonly #patterns: readonly string[];

  /** `declared` are types or patterns. Throws EVENT_TYPE_UNKNOWN for a malformed one. */
  constructor(declared: readonly string[]) {
    const malformed = declared.find((pattern) => !isEventPattern(pattern));
    if (malformed !== undefined) {
      throw new WebhookError(
        "EVENT_TYPE_UNKNOWN",
        `\`${malformed}\` is not an event type, \`*\` or \`prefix.*\``,
      );
    }
    this.#patterns = declared;
  }

  add(types: Iterable<string>): void {
    for (const type of types) this.#types.add(type);
  }

  /** Throws EVENT_TYPE_UNKNOWN with the nearest known types. */
  check(type: string): void {
    if (this.#types.has(type)) return;
    if (isEventType(type) && this.#patterns.some((pattern) => matchesPattern(pattern, type))) return;
    const nearest = nearestTypes(String(type), this.#types).join(", ");
    throw new WebhookError(
      "EVENT_TYPE_UNKNOWN",
      `Nobody declares the event type \`${type}\`; nearest are ${nearest}`,
    );
  }

  /** Throws EVENT_TYPE_UNKNOWN where a pattern is malformed, or, once all are here, an exact type nobody declares. */
  checkPattern(pattern: string, complete: boolean): void {
    if (!isEventPattern(pattern) || (complete && isEventType(pattern))) this.check(pattern);
  }
}
