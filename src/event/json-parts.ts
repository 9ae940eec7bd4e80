/** Finds the parts of JSON in its text. The text is known to be valid: nothing is checked, and nothing is parsed. */

export interface Part {
  readonly start: number;
  /** What follows it. */
  readonly end: number;
}

export interface Member extends Part {
  readonly key: string;
}

const quote = 0x22;
const backslash = 0x5c;
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Goes through the members of the object that starts at `start`, doubled ones too. */
export function* membersOf(text: string, start: number): Generator<Member> {
  let at = startOfValue(text, start + 1);
  while (text.charCodeAt(at) === quote) {
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const begin = startOfValue(text, text.indexOf(":", keyEnd) + 1);
    const end = endOfValue(text, begin);
    yield { key, start: begin, end };
    at = afterComma(text, end);
  }
}

/** Goes through the elements of the list that starts at `start`. */
export function* elementsOf(text: string, start: number): Generator<Part> {
  let at = startOfValue(text, start + 1);
  while (text.charCodeAt(at) !== closeBracket) {
    const end = endOfValue(text, at);
    yield { start: at, end };
    at = afterComma(text, end);
  }
}

/** Returns the text of a member of an object; of doubled ones the last, which is the one that parsers take. */
export function memberText(text: string, name: string): string | undefined {
  let found: string | undefined;
  for (const { key, start, end } of membersOf(text, startOfValue(text, 0))) {
    if (key === name) found = text.slice(start, end);
  }
  return found;
}

/** Returns where the value begins that stands at `at` or after blanks. */
export function startOfValue(text: string, at: number): number {
  let start = at;
  while (isBlank(text.charCodeAt(start))) start += 1;
  return start;
}

/** Returns what follows the text in quotes that starts at `start`. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    const end = text.indexOf('"', at);
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    at = end + 1;
    if (slashes % 2 === 0) return at;
  }
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ; ) {
    const character = text.charCodeAt(at);
    if (character === quote) {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (character === openBrace || character === openBracket) depth += 1;
    else if (character === closeBrace || character === closeBracket) {
      // That of what surrounds a number or a word.
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (character === 0x2c || isBlank(character) || at >= text.length)) return at;
    at += 1;
  }
}

function afterComma(text: string, end: number): number {
  const at = startOfValue(text, end);
  return text.charCodeAt(at) === 0x2c ? startOfValue(text, at + 1) : at;
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x0a || character === 0x0d || character === 0x09;
}
