/** Checks the options of a plugin's factory, by names of types or rules of its own. */
import { checkObject, flag, type Rule, type Rules, texts } from "../event/check-object.ts";

/** A type, or a rule of one's own, whose `expected` completes the sentence `option` must be …. */
export type OptionRule = keyof typeof types | Rule;

export type OptionRules<Options> = { readonly [Name in keyof Options]-?: OptionRule };

const types = {
  boolean: flag,
  number: {
    expected: "a number",
    fits: (value: unknown) => typeof value === "number" && !Number.isNaN(value),
  },
  string: { expected: "a text", fits: (value: unknown) => typeof value === "string" },
  "string[]": texts,
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
  const rules = Object.entries<OptionRule>(optionRules).map(([name, rule]) => [
    name,
    typeof rule === "string" ? types[rule] : rule,
  ]);
  checkObject(`plugin \`${plugin}\``, options, Object.fromEntries(rules) as Rules<Options>, at);
}
