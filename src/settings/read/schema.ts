/** The shape of the `webhook:` section, with the keys as they stand in the file. */
import type * as zod from "zod";
import { outboxSetting } from "../../outbox/kinds.ts";
import { coalesceField, redactRule, volumeRanges } from "../../event/plugin-settings.ts";
import {
  addressRange,
  eventPattern,
  flag,
  logLevel,
  number,
  oneOf,
  retries,
  secret,
  secretSetting,
  text,
  timeout,
  url,
  type Value,
  whole,
} from "./values.ts";

/** The section as it was read: correct, but with the file's keys, and secrets still in their files. */
export type Section = zod.infer<ReturnType<typeof createSchema>>;

/** Takes zod as an argument, because loading it is only worth its time when there is a file. */
export function createSchema(z: typeof zod) {
  function of<T>({ expected, read }: Value<T>) {
    return z.unknown().transform((input, context): T => {
      const value = read(input);
      if (value !== undefined) return value;
      context.addIssue(expected);
      return z.NEVER;
    });
  }
  function listOf<T extends zod.ZodType>(each: T, what: string) {
    return z.array(each, { error: `a list of ${what}` });
  }
  function object<T extends zod.ZodRawShape>(shape: T, expected?: string) {
    const keys = Object.keys(shape);
    return z.strictObject(shape, {
      // For an unknown key the known ones, from which the nearest is suggested.
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? keys.join(" ")
          : (expected ?? `a mapping with ${keys.join(", ")}`),
    });
  }

  const secrets = z.union([listOf(of(secretSetting), "secrets").min(1), of(secretSetting)], {
    error: secretSetting.expected,
  });
  const path = of(text("a path"));

  const endpoint = object({
    url: of(url),
    id: of(text("1 to 128 characters", /^.{1,128}$/)).exactOptional(),
    secret: secrets.exactOptional(),
    secret_file: path.exactOptional(),
    headers: z
      .record(z.string(), of(text("a text", /^/)), { error: "a mapping of header names to texts" })
      .exactOptional(),
    timeout: of(timeout).exactOptional(),
    retries: of(retries).exactOptional(),
    retry_schedule: listOf(of(number(0, 31_536_000, "seconds ")), "seconds").exactOptional(),
    enabled: of(flag).exactOptional(),
    event_types: listOf(of(eventPattern), "event types").exactOptional(),
    signature: of(oneOf(["sha256", "sha1"])).exactOptional(),
    concurrency: of(whole(1, 1000)).exactOptional(),
    rate_limit: object({
      max: of(whole(1, 1_000_000)),
      per: of(number(0.01, 86_400, "seconds ")),
    }).exactOptional(),
    propagate_trace: of(flag).exactOptional(),
    status_rules: z
      .record(z.string(), of(oneOf(["retry", "dead", "delivered", "disable"])), {
        error: "a mapping of statuses such as 404 or 5xx to retry, dead, delivered or disable",
      })
      .exactOptional(),
    circuit_breaker: z
      .union(
        [
          z.literal(false),
          // The endpoint's own check names the range; here every mistake would be "false, or a mapping".
          object({
            failures: of(number(0, 1_000_000_000)).exactOptional(),
            wait: of(number(0, 1_000_000_000)).exactOptional(),
            max_wait: of(number(0, 1_000_000_000)).exactOptional(),
            failure_rate: of(number(0, 1_000_000_000)).exactOptional(),
            window: of(number(0, 1_000_000_000)).exactOptional(),
            minimum: of(number(0, 1_000_000_000)).exactOptional(),
          }),
        ],
        { error: "false, or a mapping with failures, wait, max_wait, failure_rate, window, minimum" },
      )
      .exactOptional(),
    throttled_wait: of(number(0, 86_400, "seconds ")).exactOptional(),
    disable_after: of(number(0, 31_536_000, "seconds ")).exactOptional(),
    batch: object({
      max_events: of(whole(1, 1000)),
      max_wait_seconds: of(number(0, 3600, "seconds ")),
    }).exactOptional(),
  });

  // Checked here and read later, when it is known where relative paths start.
  const outbox = z.unknown().superRefine((input, context) => {
    const reading = outboxSetting.read(input, { place: "file" });
    if ("value" in reading) return;
    for (const { path: at, expected, kind } of reading.problems)
      context.addIssue({
        code: "custom",
        path: [...at],
        message: expected,
        params: { unknownKey: kind === "unknown key" },
      });
  });

  const field = of(text(coalesceField.expected, coalesceField.pattern));
  const volume = object({
    sample: of(number(...volumeRanges.sample)).exactOptional(),
    coalesce: object({
      window_seconds: of(number(...volumeRanges.windowSeconds)),
      key: z
        .union([listOf(field, "fields"), field], { error: `${coalesceField.expected}, or a list of them` })
        .exactOptional(),
    }).exactOptional(),
    max_per_second: of(number(...volumeRanges.maxPerSecond)).exactOptional(),
  });
  const pluginUse = object(
    {
      use: of(text("a built-in name, a package, or a path that starts with ./")),
      options: z.unknown().exactOptional(),
      volume: volume.exactOptional(),
      redact: listOf(of(text(redactRule.expected, redactRule.pattern)), "keys and paths").exactOptional(),
    },
    "a built-in name, a package, a path that starts with ./, or { use: name, options: { … } }",
  );
  const plugin = z.preprocess((input) => (typeof input === "string" ? { use: input } : input), pluginUse);

  return object({
    enabled: of(flag).exactOptional(),
    timeout: of(timeout).exactOptional(),
    max_retries: of(retries).exactOptional(),
    secret: of(secret).exactOptional(),
    secret_file: path.exactOptional(),
    endpoints: listOf(endpoint, "endpoints").exactOptional(),
    plugins: listOf(plugin, "plugins").exactOptional(),
    outbox: outbox.exactOptional(),
    network: object({
      allow: listOf(of(addressRange), "addresses and CIDRs").exactOptional(),
      deny: listOf(of(addressRange), "addresses and CIDRs").exactOptional(),
      require_https: of(flag).exactOptional(),
      ports: listOf(of(whole(1, 65_535)), "ports").exactOptional(),
    }).exactOptional(),
    server: object({
      host: of(text("an address or a host name")).exactOptional(),
      port: of(whole(0, 65_535)).exactOptional(),
      token: of(secret).exactOptional(),
    }).exactOptional(),
    event_types: listOf(of(eventPattern), "event types").exactOptional(),
    max_body_bytes: of(whole(1024, 104_857_600)).exactOptional(),
    retention: object({
      days: of(number(0, 36_500)).exactOptional(),
      deliveries: of(whole(1, 1_000_000_000)).exactOptional(),
    }).exactOptional(),
    log_level: of(logLevel).exactOptional(),
  });
}
