/** Checks what a user says to a plugin: a key that is unknown or a value of another type is refused by name. */
import { WebhookError } from "../event/errors.ts";
import { unknownKey } from "../event/unknown-key.ts";

/** A type, or a rule of one's own, whose `expected` completes the sentence `option` must be …. */
export type OptionRule =
  | keyof typeof rules
  | { readonly expected: string; readonly fits: (value: unknown) => boolean };

export type OptionRules<Options> = { readonly [Name in keyof Options]-?: OptionRule };

const rules = {
  boolean: { expected: "true or false", fits: (value: unknown) => typeof value === "boolean" },
  number: {
    expected: "a number",
    fits: (value: unknown) => typeof value === "number" && !Number.isNaN(value),
  },
  string: { expected: "a text", fits: (value: unknown) => typeof value === "string" },
  "string[]": {
    expected: "a list of texts",
    fits: (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === "string"),
  },
  function: { expected: "a function", fits: (value: unknown) => typeof value === "function" },
};

/**
 * Checks the options of a plugin's factory, wherever they come from. What is undefined counts as not given. `at` says
 * where they stand when they are part of others, such as `rules[0]`. Throws CONFIG_INVALID with the name of what does
 * not fit, never with its value, which may be a secret.
 */
export function checkOptions<Options extends object>(
  plugin: string,
  options: Options,
  optionRules: OptionRules<NoInfer<Options>>,
  at = "",
): void {
  checkKeys(plugin, options, Object.keys(optionRules), at);
  for (const [name, rule] of Object.entries<OptionRule>(optionRules)) {
    const value: unknown = Reflect.get(options, name);
    const { expected, fits } = typeof rule === "string" ? rules[rule] : rule;
    if (value === undefined || fits(value)) continue;
    throw unfit(plugin, at === "" ? name : `${at}.${name}`, expected, typeName(value));
  }
}

/** Refuses what is no object, and keys that are not among the known ones. Throws CONFIG_INVALID. */
export function checkKeys(plugin: string, value: unknown, known: readonly string[], at: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unfit(plugin, at === "" ? "options" : at, "an object", typeName(value));
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const where = at === "" ? "the options" : `\`${at}\``;
  throw new WebhookError(
    "CONFIG_INVALID",
    `In ${where} of plugin \`${plugin}\`: ${unknownKey(unknown, known)}`,
  );
}

export function unfit(plugin: string, name: string, expected: string, got: string): WebhookError {
  return new WebhookError(
    "CONFIG_INVALID",
    `Expected \`${name}\` of plugin \`${plugin}\` to be ${expected}, got ${got}`,
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
