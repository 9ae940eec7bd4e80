/** Checks the options of a plugin's factory, by names of types or rules of its own. */
import { check } from "../settings/check.ts";
import { object } from "../settings/composed.ts";
import { kindOf } from "../settings/kind-of.ts";
import { callable, fitting, flag } from "../settings/kinds.ts";
import { type Fields, type Setting, unfit } from "../settings/setting.ts";

interface Rule {
  /** Completes the sentence: expected `key` to be …. */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

/** A type, or a rule of one's own, whose `expected` completes the sentence `option` must be …. */
export type OptionRule = keyof typeof types | Rule;

export type OptionRules<Options> = { readonly [Name in keyof Options]-?: OptionRule };

const types = {
  boolean: flag,
  number: fitting("a number", (value): value is number => typeof value === "number" && !Number.isNaN(value)),
  string: fitting("a text", (value): value is string => typeof value === "string"),
  "string[]": fitting(
    "a list of texts",
    (value): value is string[] => Array.isArray(value) && value.every((each) => typeof each === "string"),
  ),
  function: callable(),
} satisfies Record<string, Setting<unknown>>;

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
  const fields = Object.entries<OptionRule>(optionRules).map(([name, rule]) => [name, settingOf(rule)]);
  const setting = object<Options>(Object.fromEntries(fields) as Fields<Options>);
  check(`plugin \`${plugin}\``, setting, options, { at });
}

function settingOf(rule: OptionRule): Setting<unknown> {
  if (typeof rule === "string") return types[rule];
  const { expected, fits } = rule;
  return {
    expected: () => expected,
    read: (value) => (fits(value) ? { value } : unfit(expected, kindOf(value))),
  };
}
