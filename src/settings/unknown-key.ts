/** What is said of a key that is not known: the one that was probably meant, and all that may stand there. */
import { meantName } from "../event/nearest-names.ts";
import { shownName } from "../event/shown-name.ts";

export function unknownKey(key: string, known: readonly string[]): string {
  const unknown = `unknown key \`${shownName(key)}\``;
  if (known.length === 0) return `${unknown}; none is known here`;
  const kind = wordsOf(key).at(-1);
  const meant =
    known.find((name) => name.toLowerCase() === kind) ??
    meantName(key, known) ??
    known.find((name) => wordsOf(name).includes(key.toLowerCase()));
  const suggestion = meant === undefined ? "." : `; did you mean \`${meant}\`?`;
  return `${unknown}${suggestion} Known here: ${known.join(", ")}`;
}

/** `type` may mean `event_type`, and the other way round. */
function wordsOf(name: string): string[] {
  return name.split(/_|(?=[A-Z])/).map((word) => word.toLowerCase());
}
