/** What `volume` and `redact` of a plugin may hold: the same in code and in a configuration file. */

/** Least, most, and the unit in words. */
export const volumeRanges = {
  sample: [0, 1, ""],
  windowSeconds: [0.01, 86_400, "seconds "],
  maxPerSecond: [0.001, 1_000_000, ""],
} as const;

interface TextRule {
  /** Completes the sentence `key` must be …. */
  readonly expected: string;
  readonly pattern: RegExp;
}

/** Names with dots between them; a name may have spaces. */
const path = /^(?!\s*$)[^.]+(\.[^.]+)*$/;

export const coalesceField: TextRule = {
  expected: "a field of the data, such as key or context.component",
  pattern: path,
};

export const redactRule: TextRule = {
  expected: "a key or a path, such as password or context.user.email",
  pattern: path,
};
