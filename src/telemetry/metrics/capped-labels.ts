/** Bounds how many values a label may take: whoever names endpoints or event types cannot flood the registry. */

/** Stands for every value that came after the limit was reached. */
const OTHER = "other";

export class CappedLabels {
  readonly #known = new Set<string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Returns the value itself for the first values seen, up to the limit, and `other` for those after them. */
  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#limit) return OTHER;
    this.#known.add(value);
    return value;
  }
}
