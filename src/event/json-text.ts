/** JSON that came in as text and goes out as it came: nothing in it is rounded, reordered or left out on the way. */
import { parseExactly } from "./exact-numbers.ts";
import { WebhookError } from "./errors.ts";
import { elementsOf, membersOf, startOfValue } from "./json-parts.ts";
import { shownName } from "./shown-name.ts";

/** Data of an event, to be sent byte for byte. */
export class JsonText {
  readonly text: string;
  #parsed: { readonly value: unknown } | undefined;

  /** `text` is valid JSON: see `jsonText`. */
  constructor(text: string) {
    this.text = text;
  }

  /** What functions of the program see: a number that JavaScript would round stands as its text. */
  get value(): unknown {
    this.#parsed ??= { value: parseExactly(this.text) };
    return this.#parsed.value;
  }
}

/**
 * Takes the text of a value out of valid JSON. `place` is where it stands, for messages. Throws DATA_UNSERIALISABLE
 * for half a character: PHP, Ruby and jq refuse the whole of a body that has one.
 */
export function jsonText(text: string, place: string): JsonText {
  const at = loneSurrogateAt(text);
  if (at === undefined) return new JsonText(text);
  throw new WebhookError("DATA_UNSERIALISABLE", `\`${place}${placeAt(text, at)}\` has half a character`, {
    remedy: "Send both halves of a surrogate pair, or neither: an escape such as `\\ud83d` is no character.",
  });
}

/** Only escapes can be halves: what was read as UTF-8 has none of them unescaped. */
function loneSurrogateAt(text: string): number | undefined {
  if (!/\\u[dD]/.test(text)) return undefined;
  for (let at = text.indexOf("\\"); at !== -1; at = text.indexOf("\\", at)) {
    const unit = escapedUnit(text, at);
    if (unit >= 0xdc00 && unit <= 0xdfff) return at;
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = escapedUnit(text, at + 6);
      if (!(next >= 0xdc00 && next <= 0xdfff)) return at;
      at += 12;
    } else at += 2;
  }
  return undefined;
}

function escapedUnit(text: string, at: number): number {
  return text.startsWith("\\u", at) ? Number.parseInt(text.slice(at + 2, at + 6), 16) : Number.NaN;
}

/** Steps that messages name; what is deeper is below one of them. */
const maxSteps = 8;

/** Names the place of an offset: `.items[2].name`. */
function placeAt(text: string, offset: number): string {
  let place = "";
  let start = startOfValue(text, 0);
  for (let step = 0; step < maxSteps; step += 1) {
    const inside = partAt(text, start, offset);
    if (inside === undefined) return place;
    place += inside.step;
    start = inside.start;
  }
  return `${place}…`;
}

function partAt(
  text: string,
  start: number,
  offset: number,
): { readonly step: string; readonly start: number } | undefined {
  if (text[start] === "{") {
    for (const { key, start: begin, end } of membersOf(text, start)) {
      if (offset >= begin && offset < end) return { step: `.${shownName(key)}`, start: begin };
    }
  } else if (text[start] === "[") {
    let index = 0;
    for (const { start: begin, end } of elementsOf(text, start)) {
      if (offset >= begin && offset < end) return { step: `[${index}]`, start: begin };
      index += 1;
    }
  }
  return undefined;
}
