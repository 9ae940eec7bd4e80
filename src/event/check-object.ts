/** Checks an object that is given in code: an unknown key, or a value of another form, is refused by name. */
import { WebhookError } from "./errors.ts";
import { unknownKey } from "./unknown-key.ts";

export interface Rule {
  /** Completes the sentence: expected `key` to be …. */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

/** One rule for each key that is known. */
export type Rules<Options> = { readonly [Key in keyof Options]-?: Rule };

export const text: Rule = {
  expected: "a text that is not empty",
  fits: (value) => typeof value === "string" && value !== "",
};

export const texts: Rule = {
  expected: "a list of texts",
  fits: (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
};

export const flag: Rule = { expected: "true or false", fits: (value) => typeof value === "boolean" };

export const time: Rule = { expected: "a finite number of Unix milliseconds", fits: Number.isFinite };

export function oneOf(words: readonly [string, string, ...string[]]): Rule {
  return {
    expected: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    fits: (value) => words.some((word) => word === value),
  };
}

export function wholeFrom(min: number, max = Number.POSITIVE_INFINITY): Rule {
  return {
    expected:
      max === Number.POSITIVE_INFINITY
        ? `a whole number from ${min}`
        : `a whole number from ${min} to ${max}`,
    fits: (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  };
}

/**
 * Checks what `subject`, such as `find()` or plugin `cache`, is given; `at` says where it stands when it is part of
 * that, such as `rules[0]`. What is undefined counts as not given. Throws CONFIG_INVALID with the name of what does not
 * fit, never with its value, which may be a secret.
 */
export function checkObject<Options extends object>(
  subject: string,
  options: Options,
  rules: Rules<NoInfer<Options>>,
  at = "",
): void {
  checkKeys(subject, options, Object.keys(rules), at);
  for (const [key, { expected, fits }] of Object.entries<Rule>(rules)) {
    const value: unknown = Reflect.get(options, key);
    if (value === undefined || fits(value)) continue;
    throw unfit(subject, at === "" ? key : `${at}.${key}`, expected, typeName(value));
  }
}

/** Refuses what is no object, and keys that are not among the known ones. Throws CONFIG_INVALID. */
export function checkKeys(subject: string, value: unknown, known: readonly string[], at = ""): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unfit(subject, at === "" ? "options" : at, "an object", typeName(value));
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const where = at === "" ? "the options" : `\`${at}\``;
  throw new WebhookError("CONFIG_INVALID", `In ${where} of ${subject}: ${unknownKey(unknown, known)}`);
}

export function unfit(subject: string, name: string, expected: string, got: string): WebhookError {
  return new WebhookError(
    "CONFIG_INVALID",
    `Expected \`${name}\` of ${subject} to be ${expected}, got ${got}`,
  );
}

/** For settings that are no secrets. */
export function shown(value: unknown): string {
  if (typeof value === "string") return `\`${JSON.stringify(value)}\``;
  return typeof value === "number" || typeof value === "boolean" ? `\`${value}\`` : typeName(value);
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
