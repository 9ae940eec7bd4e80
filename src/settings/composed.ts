/** The vocabulary of what holds other settings: objects, lists, records, choices, and settings with a form for each place. */
import { cutText } from "../event/cut-text.ts";
import { isMapping, kindOf, listWords, shown } from "./kind-of.ts";
import {
  below,
  type Fields,
  namedFields,
  type Place,
  type Problem,
  readGiven,
  type Reading,
  type Setting,
  type Site,
  unfit,
} from "./setting.ts";
import { unknownKey } from "./unknown-key.ts";

interface ObjectOptions<Options> {
  /** @default an object, or a mapping with its keys */
  readonly expected?: string;
  /** Finds what is wrong with settings that are right by themselves. */
  readonly together?: (options: Options, site: Site) => Problem | undefined;
}

export type ObjectSetting<Options> = Setting<Options> & { readonly fields: Fields<Options> };

/** An object of settings. Undefined counts as not given; the value is a plain object of what was given. */
export function object<Options extends object>(
  fields: Fields<NoInfer<Options>>,
  { expected, together }: ObjectOptions<NoInfer<Options>> = {},
): ObjectSetting<Options> {
  const all: Readonly<Record<string, Setting<unknown>>> = fields;
  function words(place: Place): string {
    if (expected !== undefined) return expected;
    if (place === "code") return "an object";
    if (place === "body") return "a JSON object";
    return `a mapping with ${[...namedFields(all, place).keys()].join(", ")}`;
  }
  function read(value: unknown, site: Site): Reading<Options> {
    if (!isMapping(value)) return unfit(words(site.place), kindOf(value));
    const reading = readFields<Options>(all, value, site);
    if ("problems" in reading) return reading;
    const problem = together?.(reading.value, site);
    return problem === undefined ? reading : { problems: [problem] };
  }
  return { expected: words, read, fields };
}

function readFields<Options>(
  fields: Readonly<Record<string, Setting<unknown>>>,
  value: object,
  site: Site,
): Reading<Options> {
  const named = namedFields(fields, site.place);
  const problems: Problem[] = Object.keys(value)
    .filter((name) => !named.has(name))
    .map((name) => {
      const sentence = unknownKey(name, [...named.keys()]);
      return { path: [name], kind: "unknown key", expected: sentence, got: "" };
    });
  const taken: Record<string, unknown> = {};
  for (const [name, { key, setting }] of named) {
    const given = readProperty(value, name);
    if ("problems" in given) problems.push(...below(name, given.problems));
    else if (given.value !== undefined) {
      const reading = readGiven(setting, given.value, site);
      if ("value" in reading) taken[key] = reading.value;
      else problems.push(...below(name, reading.problems, setting.code));
    } else if (setting.required === true) {
      const expected = setting.expected(site.place);
      const { problems: missing } = unfit(expected, "undefined", { kind: "missing" });
      problems.push(...below(name, missing, setting.code));
    }
  }
  return problems.length > 0 ? { problems } : { value: taken as Options };
}

/** A getter of the user's may throw. */
function readProperty(value: object, name: string): Reading<unknown> {
  try {
    return { value: Reflect.get(value, name) };
  } catch {
    return unfit("a value that can be read", "a getter that throws");
  }
}

interface ListOptions {
  readonly min?: number;
  readonly max?: number;
  /** Messages may show a text that was given instead of a list. */
  readonly shown?: true;
}

/** A list; in the environment, texts with commas between them. */
export function list<T>(
  each: Setting<T>,
  expected: string,
  { min = 0, max = Number.POSITIVE_INFINITY, shown: isShown }: ListOptions = {},
): Setting<readonly T[]> {
  function words(place: Place): string {
    return place === "environment" ? `a list with commas, each ${each.expected(place)}` : expected;
  }
  return {
    expected: words,
    inside: () => [each],
    read: (given, site) => {
      const inText = site.place === "environment" && typeof given === "string";
      const value: unknown = inText ? given.split(",").map((item) => item.trim()) : given;
      if (!Array.isArray(value) || value.length < min || value.length > max) {
        const got = isShown === true && typeof given === "string" ? shown(given) : kindOf(given);
        return unfit(words(site.place), Array.isArray(value) ? sizeOf(value) : got);
      }
      return readItems(each, value, site);
    },
  };
}

function sizeOf({ length }: readonly unknown[]): string {
  return length === 0 ? "an empty list" : `a list of ${length}`;
}

function readItems<T>(each: Setting<T>, value: readonly unknown[], site: Site): Reading<readonly T[]> {
  const items: T[] = [];
  const problems: Problem[] = [];
  // A hole of a list is undefined too, which `entries` gives.
  for (const [index, item] of value.entries()) {
    const reading = readGiven(each, item, site);
    if ("value" in reading) items.push(reading.value);
    else problems.push(...below(index, reading.problems));
  }
  return problems.length > 0 ? { problems } : { value: items };
}

/** One value, or a list of them. With words for both, every problem is one with the whole. */
export function oneOrMore<T>(
  each: Setting<T>,
  several: Setting<readonly T[]>,
  expected?: string,
): Setting<T | readonly T[]> {
  return {
    expected: (place) => expected ?? `${each.expected(place)}, or a list of them`,
    inside: () => [each, several],
    read: (value, site) => {
      const reading = (Array.isArray(value) ? several : each).read(value, site);
      if ("value" in reading || expected === undefined) return reading;
      return unfit(expected, reading.problems[0]?.got ?? kindOf(value));
    },
  };
}

/** False, or an object of settings. */
export function falseOr<Options extends object>(setting: ObjectSetting<Options>): Setting<false | Options> {
  const words = (place: Place): string => `false, or ${setting.expected(place)}`;
  return {
    expected: words,
    inside: () => [setting],
    read: (value, site) => {
      if (value === false) return { value };
      return isMapping(value) ? setting.read(value, site) : unfit(words(site.place), kindOf(value));
    },
  };
}

interface RecordKeys {
  readonly pattern: RegExp;
  /** Completes the sentence for a key that does not fit. */
  readonly expected: string;
}

/** An object whose keys the user chooses. */
export function record<T>(
  each: Setting<T>,
  expected: string,
  keys?: RecordKeys,
): Setting<Readonly<Record<string, T>>> {
  return {
    expected: () => expected,
    inside: () => [each],
    read: (value, site) => {
      if (!isMapping(value)) return unfit(expected, kindOf(value));
      const entries: [string, T][] = [];
      const problems: Problem[] = [];
      for (const [key, given] of Object.entries(value)) {
        const reading = readGiven(each, given, site);
        if (keys !== undefined && !keys.pattern.test(key)) {
          const got = `\`${cutText(key, 64)}\``;
          problems.push({ path: [], kind: "unfit", expected: keys.expected, got });
        } else if ("value" in reading) entries.push([key, reading.value]);
        else problems.push(...below(key, reading.problems));
      }
      return problems.length > 0 ? { problems } : { value: Object.fromEntries(entries) };
    },
  };
}

/** Objects that a word under `key` tells apart; the value has that word too. */
export function choice<Options extends object>(
  key: string,
  kinds: Readonly<Record<string, ObjectSetting<object>>>,
  expected: string,
): Setting<Options> {
  const words = listWords(Object.keys(kinds));
  return {
    expected: () => expected,
    inside: () => Object.values(kinds),
    read: (value, site) => {
      if (!isMapping(value)) return unfit(expected, kindOf(value));
      const { [key]: word, ...rest } = value as Readonly<Record<string, unknown>>;
      const kind = typeof word === "string" && Object.hasOwn(kinds, word) ? kinds[word] : undefined;
      if (kind === undefined) {
        const missing = word === undefined ? ({ kind: "missing" } as const) : {};
        return unfit(words, kindOf(word), { path: [key], ...missing });
      }
      const reading = kind.read(rest, site);
      return "problems" in reading ? reading : { value: { [key]: word, ...reading.value } as Options };
    },
  };
}

/** A setting that is written in another form in each place; it cannot stand where none is given. */
export function inPlaces<T>(forms: { readonly [Where in Place]?: Setting<T> }): Setting<T> {
  const formOf = (place: Place): Setting<T> | undefined => forms[place];
  return {
    expected: (place) => formOf(place)?.expected(place) ?? "absent here",
    read: (value, site) => formOf(site.place)?.read(value, site) ?? unfit("absent here", kindOf(value)),
    places: Object.keys(forms) as Place[],
    inside: (place) => [formOf(place)].filter((form) => form !== undefined),
  };
}
