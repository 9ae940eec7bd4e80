/** Checks the object that a call is given: an unknown key, or a value of another form, is refused by name. */
import { WebhookError } from "./errors.ts";
import { unknownKey } from "./unknown-key.ts";

export interface CallRule {
  /** Completes the sentence: expected `key` to be …. */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

/** One rule for each key that the call knows. */
export type CallRules<Options> = { readonly [Key in keyof Options]-?: CallRule };

export const text: CallRule = {
  expected: "a text that is not empty",
  fits: (value) => typeof value === "string" && value !== "",
};

export const texts: CallRule = {
  expected: "a list of texts",
  fits: (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
};

export const flag: CallRule = { expected: "true or false", fits: (value) => typeof value === "boolean" };

export const time: CallRule = { expected: "a finite number of Unix milliseconds", fits: Number.isFinite };

export function oneOf(words: readonly [string, string, ...string[]]): CallRule {
  return {
    expected: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    fits: (value) => words.some((word) => word === value),
  };
}

export function wholeFrom(min: number, max = Number.POSITIVE_INFINITY): CallRule {
  return {
    expected:
      max === Number.POSITIVE_INFINITY
        ? `a whole number from ${min}`
        : `a whole number from ${min} to ${max}`,
    fits: (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  };
}

/** Values are never shown: one may be a secret. What is undefined counts as not given. Throws CONFIG_INVALID. */
export function checkCall<Options extends object>(
  call: string,
  options: Options,
  rules: CallRules<NoInfer<Options>>,
): void {
  checkKeys(call, options, Object.keys(rules));
  for (const [key, { expected, fits }] of Object.entries<CallRule>(rules)) {
    const value: unknown = Reflect.get(options, key);
    if (value === undefined || fits(value)) continue;
    throw new WebhookError("CONFIG_INVALID", `Expected \`${key}\` of \`${call}\` to be ${expected}`);
  }
}

/** Throws CONFIG_INVALID for what is no object, and for a key that is not known. */
export function checkKeys(call: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new WebhookError("CONFIG_INVALID", `Expected \`${call}\` to be given an object`);
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new WebhookError("CONFIG_INVALID", `In what \`${call}\` is given: ${unknownKey(unknown, known)}`);
}
