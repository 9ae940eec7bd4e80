/** What a value that does not fit is called in messages: its kind, and the value itself only where that can be no secret. */

/** Returns words such as `a text`, `a list` or `a Map object`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = tagOf(value);
  return name === "Object" ? "an object" : `${/^[AEIO]/.test(name) ? "an" : "a"} ${name} object`;
}

/** Tells what is meant as a mapping: an object of any class or realm, but no list, Map, Date, promise or boxed value. */
export function isMapping(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && tagOf(value) === "Object";
}

/** The kind of built-in object, in whatever realm it was made. */
function tagOf(value: object): string {
  try {
    return Object.prototype.toString.call(value).slice(8, -1);
  } catch {
    return "Proxy";
  }
}

/** Returns a text in quotes, or a number or switch as it is. */
export function shown(value: string | number | boolean): string {
  return `\`${typeof value === "string" ? JSON.stringify(value) : String(value)}\``;
}

/** Tells a number, and a text that is one: those are no secrets. */
export function isSimpleNumber(value: unknown): value is string | number {
  return typeof value === "number" || (typeof value === "string" && /^-?\d{1,12}(\.\d{1,6})?$/.test(value));
}

/** Joins words as in `memory, sqlite or redis`. */
export function listWords(words: readonly string[]): string {
  const [last = ""] = words.slice(-1);
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}
