/** Says of a key that nobody knows which ones are known. */
import { nearestTypes } from "../event/event-types.ts";
import { shownName } from "../event/shown-name.ts";

export function unknownKey(key: string, known: readonly string[]): string {
  const [nearest] = nearestTypes(key, known, 1);
  if (nearest === undefined) return `unknown key \`${shownName(key)}\`; none is known here`;
  return `unknown key \`${shownName(key)}\`; did you mean \`${nearest}\`? Known here: ${known.join(", ")}`;
}
