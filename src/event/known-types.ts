/** Which event types a manager takes: the built-in ones, what plugins declare, and what the program lists. */
import { WebhookError } from "./errors.ts";
import { builtInEventTypes, isEventPattern, isEventType, matchesPattern } from "./event-types.ts";
import { meantName, nearestNames } from "./nearest-names.ts";
import { shownName } from "./shown-name.ts";

export class KnownTypes {
  readonly #types = new Set(builtInEventTypes);
  readonly #patterns: readonly string[];

  /** `declared` are types or patterns. Throws EVENT_TYPE_UNKNOWN for a malformed one. */
  constructor(declared: readonly string[]) {
    const malformed = declared.find((pattern) => !isEventPattern(pattern));
    if (malformed !== undefined) {
      throw new WebhookError(
        "EVENT_TYPE_UNKNOWN",
        `\`${shownName(malformed)}\` is not an event type, \`*\` or \`prefix.*\``,
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
    const nearest = this.#nearest(String(type)).join(", ");
    throw new WebhookError(
      "EVENT_TYPE_UNKNOWN",
      `Nobody declares the event type \`${shownName(String(type))}\`; nearest are ${nearest}`,
    );
  }

  /** What the program itself lists comes first where it resembles the type: it was probably meant. */
  #nearest(type: string): string[] {
    const own = meantName(type, this.#patterns);
    const others = nearestNames(type, this.#types);
    return own === undefined ? others : [own, ...others.filter((name) => name !== own)].slice(0, 3);
  }

  /** Throws EVENT_TYPE_UNKNOWN where a pattern is malformed, or, once all are here, an exact type nobody declares. */
  checkPattern(pattern: string, complete: boolean): void {
    if (!isEventPattern(pattern) || (complete && isEventType(pattern))) this.check(pattern);
  }

  /**
   * Returns why nothing would ever match an endpoint's type or pattern. `declared` counts beside what the program
   * lists; where not `complete`, a prefix that nobody knows may still be declared.
   */
  whyUnmatched(pattern: string, declared: readonly string[], complete: boolean): string | undefined {
    const covered = [...this.#types].some((type) => matchesPattern(pattern, type));
    const overlaps = [...this.#patterns, ...declared].some(
      (each) => matchesPattern(each, pattern) || matchesPattern(pattern, each),
    );
    if (pattern === "*" || covered || overlaps) return undefined;
    const prefixes = new Set([...this.#types].map((type) => type.split(".", 1)[0] ?? ""));
    if (!complete && !prefixes.has(pattern.split(".", 1)[0] ?? "")) return undefined;
    if (isEventType(pattern)) {
      const nearest = this.#nearest(pattern).join(", ");
      return `nobody declares the event type \`${shownName(pattern)}\`; nearest are ${nearest}`;
    }
    const patterns = [...prefixes].map((prefix) => `${prefix}.*`);
    const nearest = nearestNames(pattern, patterns).join(", ");
    return `no event type matches \`${shownName(pattern)}\`; nearest are ${nearest}`;
  }
}
