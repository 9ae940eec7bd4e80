/** Compares a library's version with the range that a module patch is written for. */

/** From the first version that fits to the first that does not. */
export type VersionRange = `>=${string} <${string}`;

const form = /^>=(\d+(?:\.\d+){0,2}) <(\d+(?:\.\d+){0,2})$/;

export function isVersionRange(range: unknown): range is VersionRange {
  return typeof range === "string" && form.test(range);
}

/** A pre-release counts as the version it leads to. */
export function isWithin(version: string, range: VersionRange): boolean {
  const [, from = "", below = ""] = form.exec(range) ?? [];
  return compare(version, from) >= 0 && compare(version, below) < 0;
}

function compare(left: string, right: string): number {
  const [a, b] = [numbersOf(left), numbersOf(right)];
  for (const index of [0, 1, 2]) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  return (version.split(/[-+]/, 1)[0] ?? "").split(".").map(Number);
}
