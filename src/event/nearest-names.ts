/** Finds the known names that a mistyped one may have been meant to be. */
import { maxNameLength } from "./shown-name.ts";

interface Scored {
  readonly name: string;
  readonly distance: number;
}

/** Returns up to `limit` of the known names, the nearest first, however far they are. */
export function nearestNames(given: string, known: Iterable<string>, limit = 3): string[] {
  return byDistance(given, known)
    .slice(0, limit)
    .map(({ name }) => name);
}

/** Returns the nearest of the known names where at least half of it is as given, else undefined. */
export function meantName(given: string, known: Iterable<string>): string | undefined {
  const [nearest] = byDistance(given, known);
  if (nearest === undefined) return undefined;
  const longest = Math.max(given.length, nearest.name.length);
  return nearest.distance <= longest / 2 ? nearest.name : undefined;
}

/** Of an endless name only the beginning is compared; the case of letters makes no difference. */
function byDistance(given: string, known: Iterable<string>): Scored[] {
  const compared = given.slice(0, maxNameLength).toLowerCase();
  const scored = [...known].map((name) => ({ name, distance: editDistance(compared, name.toLowerCase()) }));
  return scored.toSorted((a, b) => a.distance - b.distance);
}

/** Levenshtein distance with one row of memory. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
