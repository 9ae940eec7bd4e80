/** Reads fields of answers and clients whose shape nobody promises. */

/** Walks down a path; undefined where it ends early. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const key of path) {
    if (here === null || (typeof here !== "object" && typeof here !== "function")) return undefined;
    here = Reflect.get(here, key);
  }
  return here;
}

/** Finds the object at the end of a path. Never throws: it is asked of every component, also of hostile ones. */
export function objectAt(component: object, ...path: readonly string[]): object | undefined {
  try {
    const found = at(component, ...path);
    return typeof found === "object" && found !== null ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Reads an identifier or a name: a text that is too short to be content. */
export function word(value: unknown): string | undefined {
  return typeof value === "string" && value.length > 0 && value.length <= 200 ? value : undefined;
}

export function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
