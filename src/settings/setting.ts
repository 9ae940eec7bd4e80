/** What a setting is: how its value is read wherever it may stand, and the words for what it must be. All else is derived. */
import type { ErrorCode } from "../event/errors.ts";

/** Code writes camelCase and the right kind of value; the others write snake_case, and in a text what has no text form there. */
export type Place = "code" | "file" | "environment" | "query" | "body";

/** Where a value is being read. */
export interface Site {
  readonly place: Place;
  /** Where relative paths start. @default they stay relative */
  readonly directory?: string;
}

/** Keys and list places below the value that was read, as they are written where it stands. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly kind: "unfit" | "missing" | "unknown key";
  /** Completes the sentence: `key` must be …. For an unknown key, the sentence itself. */
  readonly expected: string;
  /** What came instead, in words that show no secret. */
  readonly got: string;
  /** @default the code of whatever the setting belongs to */
  readonly code?: ErrorCode;
}

export type Reading<T> = { readonly value: T } | Problems;

export interface Problems {
  readonly problems: readonly Problem[];
}

/** Spread one to say more of it: `{ ...seconds(0.1, 600), default: 30 }`. */
export interface Setting<T> {
  /** Completes the sentence: `key` must be …. */
  readonly expected: (place: Place) => string;
  /** Returns the value as meant, or every problem with it. Never throws, and never changes what it was given. */
  readonly read: (value: unknown, site: Site) => Reading<T>;
  /** What holds where it is not given. */
  readonly default?: T;
  readonly required?: true;
  /** Of the error in code. @default the code of what it belongs to */
  readonly code?: ErrorCode;
  /** Where it may stand. @default everywhere */
  readonly places?: readonly Place[];
  /** The environment variable that gives it. */
  readonly variable?: string;
  /** Its name in queries and bodies, where that is another. */
  readonly apiName?: string;
  /** Of an object, each with its name in code. */
  readonly fields?: Readonly<Record<string, Setting<unknown>>>;
  /** What is inside a list, a choice or a setting that has a form for each place. */
  readonly inside?: (place: Place) => readonly Setting<unknown>[];
}

/** The declarations of all the settings of an object: the compiler asks for each, for its kind, and that it is said to be required where it is. */
export type Fields<Options> = {
  readonly [Key in keyof Options]-?: Setting<Exclude<Options[Key], undefined>> &
    (object extends Pick<Options, Key> ? unknown : { readonly required: true });
};

export function standsIn(setting: Setting<unknown>, place: Place): boolean {
  return setting.places?.includes(place) ?? true;
}

/** Returns the name of a setting as it is written in a place. */
export function nameIn(
  place: Place,
  key: string,
  { apiName }: Pick<Setting<unknown>, "apiName"> = {},
): string {
  if (place === "code") return key;
  if (apiName !== undefined && place !== "file") return apiName;
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Returns the settings of an object by the names they have in a place. */
export function namedFields(
  fields: Readonly<Record<string, Setting<unknown>>>,
  place: Place,
): ReadonlyMap<string, { readonly key: string; readonly setting: Setting<unknown> }> {
  const here = Object.entries(fields).filter(([, setting]) => standsIn(setting, place));
  return new Map(here.map(([key, setting]) => [nameIn(place, key, setting), { key, setting }]));
}

/** Reads what a program handed in: a proxy of its own, or what an object of its own inherits, may throw wherever it is looked at. */
export function readGiven<T>(setting: Setting<T>, value: unknown, site: Site): Reading<T> {
  try {
    return setting.read(value, site);
  } catch {
    return unfit("a value that can be read", "one that throws");
  }
}

/** Returns a reading of the one problem with a value. */
export function unfit(expected: string, got: string, more: Partial<Problem> = {}): Problems {
  return { problems: [{ path: [], kind: "unfit", expected, got, ...more }] };
}

/** Moves problems below a key or a list place, and gives them the code of the setting there. */
export function below(step: string | number, problems: readonly Problem[], code?: ErrorCode): Problem[] {
  return problems.map((problem) => ({
    ...problem,
    ...(code === undefined || problem.code !== undefined ? {} : { code }),
    path: [step, ...problem.path],
  }));
}
