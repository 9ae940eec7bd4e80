/** The vocabulary of single values: texts, numbers, switches, words, functions and objects with methods. */
import { resolve } from "node:path";
import { isSimpleNumber, kindOf, listWords, shown } from "./kind-of.ts";
import { type Place, type Setting, type Site, unfit } from "./setting.ts";

/** Where a text may stand for a number or a switch, because there is nothing but texts. */
const placesOfTexts: readonly Place[] = ["file", "environment", "query"];

function fromText({ place }: Site): boolean {
  return placesOfTexts.includes(place);
}

interface TextOptions {
  /** @default a character that is not blank */
  readonly pattern?: RegExp;
  /** What is to be minded where the value is written as a text, after the expectation. */
  readonly hint?: string;
  /** Messages may show what was given: it is never a secret. */
  readonly shown?: true;
}

export function text(expected = "a text that is not empty", options: TextOptions = {}): Setting<string> {
  const { pattern = /\S/, hint = "" } = options;
  const words = (place: Place): string => (place === "code" ? expected : expected + hint);
  return {
    expected: words,
    read: (value, { place }) => {
      if (typeof value === "string" && pattern.test(value)) return { value };
      const got = typeof value === "string" && options.shown === true ? shown(value) : kindOf(value);
      return unfit(words(place), got);
    },
  };
}

/** A path, made absolute where it is read from a file or the environment. */
export const path: Setting<string> = {
  expected: () => "a path",
  read: (value, { directory }) => {
    if (typeof value !== "string" || value.trim() === "") return unfit("a path", kindOf(value));
    return { value: directory === undefined ? value : resolve(directory, value) };
  },
};

const words: ReadonlyMap<string, boolean> = new Map([
  ...["true", "yes", "on", "1"].map((word) => [word, true] as const),
  ...["false", "no", "off", "0"].map((word) => [word, false] as const),
]);

export const flag: Setting<boolean> = {
  expected: () => "true or false",
  read: (given, site) => {
    const value = typeof given === "string" && fromText(site) ? words.get(given.toLowerCase()) : given;
    return typeof value === "boolean" ? { value } : unfit("true or false", kindOf(given));
  },
};

export function number(min: number, max = Number.POSITIVE_INFINITY, unit = ""): Setting<number> {
  return numeric(`${unit}${range(min, max)}`, (value) => value >= min && value <= max);
}

export function seconds(min: number, max: number): Setting<number> {
  return number(min, max, "seconds ");
}

export function whole(min: number, max = Number.POSITIVE_INFINITY): Setting<number> {
  const expected = `a whole number ${range(min, max)}`;
  return numeric(expected, (value) => Number.isInteger(value) && value >= min && value <= max);
}

/** A point in time, in Unix milliseconds. */
export const unixMs: Setting<number> = numeric("a finite number of Unix milliseconds", Number.isFinite);

function range(min: number, max: number): string {
  return max === Number.POSITIVE_INFINITY ? `from ${min}` : `from ${min} to ${max}`;
}

/** A number, or where there are only texts, its decimal text. */
function numeric(expected: string, fits: (value: number) => boolean): Setting<number> {
  return {
    expected: () => expected,
    read: (given, site) => {
      const decimal = typeof given === "string" && fromText(site) && /^\d+(\.\d+)?$/.test(given);
      const value = decimal ? Number(given) : given;
      if (typeof value === "number" && fits(value)) return { value };
      return unfit(expected, isSimpleNumber(given) ? shown(given) : kindOf(given));
    },
  };
}

export function oneOf<const Word extends string>(options: readonly [Word, ...Word[]]): Setting<Word> {
  const expected = listWords(options);
  return {
    expected: () => expected,
    read: (given) => {
      const value = options.find((each) => each === given);
      if (value !== undefined) return { value };
      // A word is not quoted: it is meant as one of these.
      return unfit(
        expected,
        typeof given === "string" && /^\w{1,32}$/.test(given) ? `\`${given}\`` : kindOf(given),
      );
    },
  };
}

/** A function; what it takes and returns is found out only when it is called. Only code can give one. */
export function callable<Callable extends (...given: never) => unknown>(
  expected = "a function",
): Setting<Callable> {
  return fitting(expected, (value): value is Callable => typeof value === "function");
}

/** An object, or a function, with methods of these names. Only code can give one. */
export function withMethods<Instance extends object>(
  expected: string,
  methods: readonly string[],
): Setting<Instance> {
  return fitting(expected, (value): value is Instance => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
    try {
      return methods.every((method) => typeof Reflect.get(value, method) === "function");
    } catch {
      // A getter of the user's may throw.
      return false;
    }
  });
}

/** Anything that a check of its own takes. Only code can give it. */
export function fitting<T>(expected: string, fits: (value: unknown) => value is T): Setting<T> {
  return {
    expected: () => expected,
    read: (value) => (fits(value) ? { value } : unfit(expected, kindOf(value))),
    places: ["code"],
  };
}

/** Anything at all: whoever gets it checks it. */
export const anything: Setting<unknown> = { expected: () => "anything", read: (value) => ({ value }) };
