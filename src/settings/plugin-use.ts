/** What a user says about a plugin: how many of its events are kept, and what of their data. */
import { resolve } from "node:path";
import { inPlaces, list, object, oneOrMore } from "./composed.ts";
import { isMapping, kindOf } from "./kind-of.ts";
import { anything, number, seconds, text } from "./kinds.ts";
import { type Fields, type Setting, unfit } from "./setting.ts";

export interface Volume {
  /** Share of the events to keep, from 0 to 1. @default 1 */
  readonly sample?: number;
  /** Makes all events of one type and key within a window one event: the last of them, with their number as `count`. */
  readonly coalesce?: {
    /** From 0.01 to 86,400. */
    readonly windowSeconds: number;
    /** Fields of the data, such as `key` or `context.component`. @default the type alone */
    readonly key?: string | readonly string[];
  };
  /** Events above this rate, from 0.001 to 1,000,000, are dropped; that many may come at once. */
  readonly maxPerSecond?: number;
}

/**
 * A list of keys (`password`, wherever it stands) and of paths from the top (`context.user.email`; lists on the way
 * are looked through), each replaced by `[redacted]`; or a function that returns the data to keep.
 */
export type Redact = readonly string[] | ((data: unknown, type: string) => unknown);

/** What a user may say about any plugin. */
export interface UseOptions {
  /** Replaces the plugin's own. @default the plugin's, or every event */
  readonly volume?: Volume;
  /** Takes data out before they are stored. @default nothing */
  readonly redact?: Redact;
}

/** In the file: a name, or `{ use: name, options, volume, redact }`. A path is absolute here. */
export interface PluginChoice extends UseOptions {
  readonly name: string;
  readonly options?: unknown;
}

/** Names with dots between them; a name may have spaces. */
const pattern = /^(?!\s*$)[^.]+(\.[^.]+)*$/;
const fieldWords = "a field of the data, such as key or context.component";
const field = text(fieldWords, { pattern, shown: true });

export const volume = object<Volume>({
  sample: { ...number(0, 1), default: 1 },
  coalesce: object<NonNullable<Volume["coalesce"]>>({
    windowSeconds: { ...seconds(0.01, 86_400), required: true },
    key: oneOrMore(field, list(field, "a list of fields"), `${fieldWords}, or a list of them`),
  }),
  maxPerSecond: number(0.001, 1_000_000),
});

const rule = text("a key or a path, such as password or context.user.email", { pattern, shown: true });
const rules = list(rule, "a list of keys and paths", { shown: true });
const rulesInCode = list(rule, "a list of keys and paths, or a function", { shown: true });

export const redact: Setting<Redact> = inPlaces<Redact>({
  file: rules,
  code: {
    ...rulesInCode,
    read: (value, site) =>
      typeof value === "function" ? { value: value as Redact & object } : rulesInCode.read(value, site),
  },
});

/** A file of the user's starts with a dot or at the root; anything else is a name. */
const pluginName: Setting<string> = {
  ...text("a built-in name, a package, or a path that starts with ./"),
  read: (value, { directory = "" }) => {
    if (typeof value !== "string" || value.trim() === "") {
      return unfit("a built-in name, a package, or a path that starts with ./", kindOf(value));
    }
    return { value: /^\.{0,2}\//.test(value) ? resolve(directory, value) : value };
  },
};

const said = { volume, redact } satisfies Fields<UseOptions>;

export const useOptions = object<UseOptions>(said);

interface ChosenPlugin extends UseOptions {
  readonly use: string;
  readonly options?: unknown;
}

const chosen = object<ChosenPlugin>(
  { use: { ...pluginName, required: true }, options: anything, ...said },
  { expected: "a built-in name, a package, a path that starts with ./, or { use: name, options: { … } }" },
);

/** As a file has it. */
export const pluginChoice: Setting<PluginChoice> = {
  expected: chosen.expected,
  fields: chosen.fields,
  read: (value, site) => {
    if (typeof value !== "string" && !isMapping(value)) {
      return unfit(chosen.expected(site.place), kindOf(value));
    }
    const reading = chosen.read(typeof value === "string" ? { use: value } : value, site);
    if ("problems" in reading) return reading;
    const { use, ...more } = reading.value;
    return { value: { name: use, ...more } };
  },
};
