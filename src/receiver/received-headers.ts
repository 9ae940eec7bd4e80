/** Reads the headers of a received request by name, whatever shape a framework gives them in. */

/** A fetch `Headers`, or an object from header name in any case to value. */
export type ReceivedHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Returns a header's text, undefined where it is absent, and null where it is not one text. */
export type HeaderReader = (lowerCaseName: string) => string | null | undefined;

export function headerReader(headers: unknown): HeaderReader {
  if (typeof headers !== "object" || headers === null) return () => undefined;
  if (isFetchHeaders(headers)) return (name) => headers.get(name) ?? undefined;
  const byName = new Map<string, unknown>();
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    // Two spellings of one name are two values: nobody can tell which of them was signed.
    byName.set(lower, byName.has(lower) ? null : value);
  }
  return function read(name) {
    const value = byName.get(name);
    return typeof value === "string" || value === undefined ? value : null;
  };
}

/**
 * Returns the headers with each list of one as its text: load balancers and Lambda give all headers as lists. For
 * adapters; the receiver itself takes a list for the mistake that it elsewhere is.
 */
export function withoutLists(headers: ReceivedHeaders): ReceivedHeaders {
  if (isFetchHeaders(headers) || !Object.values(headers).some(Array.isArray)) return headers;
  const single = Object.entries(headers).map(([name, value]): [string, typeof value] =>
    Array.isArray(value) && value.length === 1 ? [name, value[0]] : [name, value],
  );
  return Object.fromEntries(single);
}

function isFetchHeaders(headers: object): headers is { get(name: string): string | null } {
  return "get" in headers && typeof headers.get === "function";
}
