/** Undoes what URLs, JSON, HTML and their mixtures do to a text, and knows where each character stood. */

export interface DecodedText {
  readonly decoded: string;
  /** Where each character of `decoded` begins in the text, and after the last one where the text ends. */
  readonly places: readonly number[];
}

/** One character in UTF-8 as percent signs, an escape with its backslashes, a character reference, or a blank of a form. */
const encodedCharacter =
  /%(?:[0-7][\da-f]|[cd][\da-f]%[89ab][\da-f]|e[\da-f](?:%[89ab][\da-f]){2}|f[0-4](?:%[89ab][\da-f]){3})|\\+(?:u[\da-f]{4}|x[\da-f]{2})?|&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-f]{1,6});|\+/gi;

const references: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** What was encoded more often stays encoded: nobody encodes by accident five times. */
const mostRounds = 5;

export function decodeWithPlaces(text: string): DecodedText {
  let current: DecodedText = {
    decoded: text,
    places: Array.from({ length: text.length + 1 }, (_, at) => at),
  };
  for (let round = 0; round < mostRounds; round += 1) {
    const next = decodeOnce(current);
    if (next.decoded === current.decoded) break;
    current = next;
  }
  return current;
}

function decodeOnce({ decoded, places }: DecodedText): DecodedText {
  let text = "";
  const at: number[] = [];
  let end = 0;
  for (const match of decoded.matchAll(encodedCharacter)) {
    const character = decodeCharacter(match[0]);
    text += decoded.slice(end, match.index) + character;
    for (let before = end; before < match.index; before += 1) at.push(places[before] ?? 0);
    for (let unit = 0; unit < character.length; unit += 1) at.push(places[match.index] ?? 0);
    end = match.index + match[0].length;
  }
  return { decoded: text + decoded.slice(end), places: at.concat(places.slice(end)) };
}

function decodeCharacter(encoded: string): string {
  if (encoded === "+") return " ";
  if (encoded.startsWith("\\")) {
    const code = /[ux]([\da-f]+)$/i.exec(encoded)?.[1];
    return code === undefined ? "" : String.fromCharCode(Number.parseInt(code, 16));
  }
  if (encoded.startsWith("&")) return decodeReference(encoded.slice(1, -1).toLowerCase());
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function decodeReference(name: string): string {
  if (!name.startsWith("#")) return references.get(name) ?? "";
  const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code <= 0x10_ffff ? String.fromCodePoint(code) : "";
}
