/** The `MOVA_WEBHOOK_…` variables. An empty variable counts as one that is not set. */
import { outboxSetting } from "../../outbox/kinds.ts";
import type { OutboxChoice } from "../../outbox/outbox.ts";
import {
  addressRange,
  flag,
  type LogLevel,
  logLevel,
  retries,
  secret,
  timeout,
  url,
  type Value,
} from "./values.ts";

export interface Environment {
  readonly path?: string;
  readonly enabled?: boolean;
  readonly timeout?: number;
  readonly maxRetries?: number;
  readonly secret?: string;
  readonly url?: string;
  readonly outbox?: OutboxChoice;
  readonly allow?: readonly string[];
  readonly token?: string;
  readonly logLevel?: LogLevel;
}

/** Reads the variables; a mistake names its variable and never shows its value, which may be a secret set by accident. */
export function readEnvironment(env: NodeJS.ProcessEnv, cwd: string, mistakes: string[]): Environment {
  function read<Key extends string, T>(
    key: Key,
    variable: string,
    { expected, read }: Value<T>,
  ): { readonly [K in Key]?: T } {
    const text = env[variable]?.trim();
    if (text === undefined || text === "") return {};
    const value = read(text);
    if (value === undefined) mistakes.push(`${variable} must be ${expected}`);
    return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: T });
  }

  const outbox: Value<OutboxChoice> = {
    expected: outboxSetting.expected("environment"),
    read: (input) => {
      const reading = outboxSetting.read(input, { place: "environment", directory: cwd });
      return "value" in reading ? reading.value : undefined;
    },
  };
  return {
    ...read("path", "MOVA_WEBHOOK_CONFIG", { expected: "a path", read: String }),
    ...read("enabled", "MOVA_WEBHOOK_ENABLED", flag),
    ...read("timeout", "MOVA_WEBHOOK_TIMEOUT", timeout),
    ...read("maxRetries", "MOVA_WEBHOOK_MAX_RETRIES", retries),
    ...read("secret", "MOVA_WEBHOOK_SECRET", secret),
    ...read("url", "MOVA_WEBHOOK_URL", url),
    ...read("outbox", "MOVA_WEBHOOK_OUTBOX", outbox),
    ...read("allow", "MOVA_WEBHOOK_ALLOW", ranges),
    ...read("token", "MOVA_WEBHOOK_TOKEN", secret),
    ...read("logLevel", "MOVA_WEBHOOK_LOG_LEVEL", logLevel),
  };
}

const ranges: Value<string[]> = {
  expected: `a list with commas, each ${addressRange.expected}`,
  read: (input) => {
    const texts = String(input)
      .split(",")
      .map((each) => each.trim());
    return texts.every((each) => addressRange.read(each) !== undefined) ? texts : undefined;
  },
};
