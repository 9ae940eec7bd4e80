/** Leaves of URLs and texts only what may stand in messages and records. */
import { decodeWithPlaces } from "./decode-text.ts";

/** Returns `https://host:port`, or `[not a URL]`: path, query and user name often hold credentials. */
export function originOf(url: string | URL): string {
  if (!URL.canParse(String(url))) return "[not a URL]";
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** Returns the text with what is confidential replaced. */
export type Redactor = (text: string) => string;

/** What is shorter would be found everywhere. */
const shortestConfidential = 4;
/** A longer text is found by so many of its first characters, also where the rest of it was cut off. */
const headLength = 16;

/** Finds what is confidential as it is, and however a receiver has encoded it in what it sends back. */
export function createRedactor(confidential: readonly string[]): Redactor {
  /** Made when the first text is to be shown: most endpoints never send one. */
  let wanted: readonly string[] | undefined;
  return function redact(text) {
    wanted ??= wantedForms(confidential);
    const { decoded, places } = decodeWithPlaces(text);
    const covered: [from: number, to: number][] = [];
    for (const each of wanted) {
      const head = each.slice(0, headLength);
      for (let at = decoded.indexOf(head); at >= 0; at = decoded.indexOf(head, at + 1)) {
        let length = head.length;
        while (length < each.length && decoded[at + length] === each[length]) length += 1;
        covered.push([places[at] ?? 0, places[at + length] ?? text.length]);
      }
    }
    return replaceAll(text, covered);
  };
}

function replaceAll(text: string, covered: [from: number, to: number][]): string {
  covered.sort(([a], [b]) => a - b);
  let shown = "";
  let end = 0;
  for (const [from, to] of covered) {
    if (from >= end) shown += `${text.slice(end, from)}[secret]`;
    end = Math.max(end, to);
  }
  return shown + text.slice(end);
}

/** Decoded in the same way as the text that is searched, because a secret may hold what looks encoded. */
function wantedForms(confidential: readonly string[]): string[] {
  const forms = confidential
    .filter((text) => text.length >= shortestConfidential)
    .flatMap((text) => [text, ...binaryForms(text)])
    .map((text) => decodeWithPlaces(text).decoded);
  return [...new Set(forms)].filter((text) => text.length >= shortestConfidential);
}

/** In hex and base64, the latter also where other text stands before and after it. */
function binaryForms(text: string): string[] {
  const bytes = Buffer.from(text);
  const inside = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    // What the bytes before and after it change is left out.
    return encoded.slice([0, 2, 3][before]).replace(/.=+$/, "");
  });
  const url = inside.map((each) => each.replaceAll("+", "-").replaceAll("/", "_"));
  const hex = bytes.toString("hex");
  return [...inside, ...url, hex, hex.toUpperCase()];
}
