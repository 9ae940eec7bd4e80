/** What single settings may hold: the same rule for the file, where a value has a place, and the environment, where it has a name. */
import { readInstant, type SecretSetting } from "../../event/endpoint-secrets.ts";
import { isEventPattern } from "../../event/event-types.ts";
import { parseRange } from "../../security/ip-address.ts";

export interface Value<T> {
  /** Completes the sentence `timeout` must be …. */
  readonly expected: string;
  /** Returns undefined for what does not fit. */
  readonly read: (input: unknown) => T | undefined;
}

const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

const words: Readonly<Record<string, boolean>> = {
  ...{ true: true, yes: true, on: true, 1: true },
  ...{ false: false, no: false, off: false, 0: false },
};

export const flag: Value<boolean> = {
  expected: "true or false",
  read: (input) =>
    typeof input === "string" ? words[input.toLowerCase()] : typeof input === "boolean" ? input : undefined,
};

/** A number, or its decimal text: that is how it comes from the environment. */
export function number(min: number, max: number, unit = ""): Value<number> {
  return {
    expected: `${unit}from ${min} to ${max}`,
    read: (input) => {
      const value = typeof input === "string" && /^\d+(\.\d+)?$/.test(input) ? Number(input) : input;
      return typeof value === "number" && value >= min && value <= max ? value : undefined;
    },
  };
}

export function whole(min: number, max: number): Value<number> {
  const { expected, read } = number(min, max, "a whole number ");
  return { expected, read: (input) => (Number.isInteger(Number(input)) ? read(input) : undefined) };
}

export function text(expected: string, fits = /\S/): Value<string> {
  return { expected, read: (input) => (typeof input === "string" && fits.test(input) ? input : undefined) };
}

export function oneOf<const T extends string>(options: readonly T[]): Value<T> {
  return {
    expected: options.join(", ").replace(/, (\S+)$/, " or $1"),
    read: (input) => options.find((each) => each === input),
  };
}

export const timeout = number(0.1, 600, "seconds ");
export const retries = whole(0, 100);
export const logLevel = oneOf(logLevels);
export const secret = text(
  "a text that is not empty, with base64 after `whsec_`; in YAML, digits alone need quotes",
  /^(?!\s*$)(?!whsec_(?![A-Za-z0-9+/]+={0,2}$))/,
);

/** One of an endpoint's secrets. */
export const secretSetting: Value<SecretSetting> = {
  expected: `${secret.expected}; or { secret: …, expires_at: 2027-01-31T00:00:00Z }`,
  read: (input) => {
    if (typeof input !== "object" || input === null) return secret.read(input);
    const { secret: text, expires_at: expiresAt, ...unknown } = input as Record<string, unknown>;
    if (secret.read(text) === undefined || Object.keys(unknown).length > 0) return undefined;
    if (typeof expiresAt !== "string" || readInstant(expiresAt) === undefined) return undefined;
    return { secret: String(text), expiresAt };
  },
};

export const url: Value<string> = {
  expected: "a URL that starts with https:// and holds no user name, such as https://example.com/hook",
  read: (input) => {
    if (typeof input !== "string" || !URL.canParse(input)) return undefined;
    const { protocol, username, password } = new URL(input);
    return /^https?:$/.test(protocol) && username === "" && password === "" ? input : undefined;
  },
};

export const addressRange: Value<string> = {
  expected: "an address or a CIDR such as 10.0.0.0/8",
  read: (input) => (typeof input === "string" && parseRange(input) !== undefined ? input : undefined),
};

export const eventPattern: Value<string> = {
  expected: "an event type such as cache.updated, or a pattern such as cache.* or *; put * in quotes",
  read: (input) => (typeof input === "string" && isEventPattern(input) ? input : undefined),
};
