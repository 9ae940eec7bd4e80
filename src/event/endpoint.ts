/** Who wants which events, where, and under which secrets: the user's settings, checked once, with units made plain. */
import { createHash } from "node:crypto";
import { checkHeaders } from "./endpoint-headers.ts";
import { checkSecrets, type SecretSetting } from "./endpoint-secrets.ts";
import { WebhookError } from "./errors.ts";
import { isEventPattern } from "./event-types.ts";
import type { Secret } from "./secret.ts";
import { checkSending, type Sending, type SendingSettings } from "./sending-settings.ts";
import { between, invalid, whole } from "./setting-checks.ts";
import { shownName } from "./shown-name.ts";
import type { WebhookEvent } from "./webhook-event.ts";

/** An endpoint as the user writes it. Times are seconds, as in the Python original. */
export interface WebhookEndpoint extends SendingSettings {
  readonly url: string;
  /** Label of metrics and records. @default `ep_` and a hash of the URL */
  readonly id?: string;
  /**
   * Several while one is being rotated: the first signs `X-Mova-Signature`, all sign `webhook-signature`. One with an
   * `expiresAt` stops then.
   */
  readonly secret?: SecretSetting | readonly SecretSetting[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds for a whole attempt, 0.1 to 600. @default 30 */
  readonly timeout?: number;
  /** Attempts after the first, 0 to 100. @default 3, or the length of `retrySchedule` */
  readonly retries?: number;
  /** Seconds before each retry; the last repeats up to `retries`. Replaces the exponential backoff. */
  readonly retrySchedule?: readonly number[];
  /** @default true */
  readonly enabled?: boolean;
  /** Exact types, `*` or `validation.*`. @default every type */
  readonly eventTypes?: readonly string[];
  /** Hash of `X-Mova-Signature`. @default "sha256" */
  readonly signature?: "sha256" | "sha1";
  /** Attempts at the same time, 1 to 1000. @default 16 */
  readonly concurrency?: number;
  /** At most `max` attempts in `per` seconds. */
  readonly rateLimit?: { readonly max: number; readonly per: number };
  /** Is asked after the type matched; a false or a throw keeps the event from this endpoint. */
  readonly filter?: (event: WebhookEvent) => boolean;
  /** Sends `traceparent`. @default true */
  readonly propagateTrace?: boolean;
}

/** An endpoint that was checked: every default filled in, durations in milliseconds, secrets hidden. */
export interface Endpoint extends Sending {
  readonly id: string;
  /** Twelve characters that stand for the id in delivery ids: enough that thousands of endpoints differ. */
  readonly key: string;
  readonly url: URL;
  readonly secrets: readonly Secret[];
  readonly headers: ReadonlyMap<string, Secret>;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryScheduleMs?: readonly number[];
  readonly enabled: boolean;
  readonly eventTypes: readonly string[];
  readonly signature: "sha256" | "sha1";
  readonly concurrency: number;
  readonly rateLimit?: { readonly max: number; readonly perMs: number };
  readonly filter?: (event: WebhookEvent) => boolean;
  readonly propagateTrace: boolean;
}

/** Manager-wide values that an endpoint may leave out. */
export interface EndpointDefaults {
  readonly timeout?: number;
  readonly retries?: number;
  readonly secret?: SecretSetting | readonly SecretSetting[];
}

const settingNames: ReadonlySet<string> = new Set<keyof WebhookEndpoint>([
  ...([
    "url",
    "id",
    "secret",
    "headers",
    "timeout",
    "retries",
    "retrySchedule",
    "enabled",
    "eventTypes",
  ] as const),
  ...(["signature", "concurrency", "rateLimit", "filter", "propagateTrace", "statusRules"] as const),
  ...(["circuitBreaker", "throttledWait", "disableAfter", "batch", "transform"] as const),
]);

/** Checks an endpoint and fills in its defaults. Throws ENDPOINT_INVALID or SECRET_INVALID. */
export function resolveEndpoint(endpoint: WebhookEndpoint, defaults: EndpointDefaults = {}): Endpoint {
  const url = checkUrlForm(endpoint.url);
  const id = endpoint.id ?? `ep_${hash(url.href).slice(0, 10)}`;
  if (typeof id !== "string" || id.length === 0 || id.length > 128) {
    throw invalid(id, "id", "1 to 128 characters", id);
  }
  const retries = endpoint.retries ?? endpoint.retrySchedule?.length ?? defaults.retries ?? 3;
  const schedule = endpoint.retrySchedule?.map(
    (seconds) => between(id, "retrySchedule", seconds, 0, 31_536_000) * 1000,
  );
  const eventTypes = endpoint.eventTypes ?? ["*"];
  for (const pattern of eventTypes) {
    if (!isEventPattern(pattern))
      throw invalid(id, "eventTypes", "an event type, `*` or `prefix.*`", pattern);
  }
  const signature = endpoint.signature ?? "sha256";
  if (signature !== "sha256" && signature !== "sha1")
    throw invalid(id, "signature", "sha256 or sha1", signature);
  const unknown = Object.keys(endpoint).find((name) => !settingNames.has(name));
  if (unknown !== undefined) {
    const detail = `Endpoint \`${id}\` has an unknown setting \`${shownName(unknown)}\`; there are ${[...settingNames].join(", ")}`;
    throw new WebhookError("ENDPOINT_INVALID", detail);
  }
  return {
    id,
    key: hash(id).slice(0, 12),
    url,
    secrets: checkSecrets(id, endpoint.secret ?? defaults.secret),
    headers: checkHeaders(id, endpoint.headers ?? {}),
    timeoutMs:
      between(id, "timeout", endpoint.timeout ?? defaults.timeout ?? 30, 0.1, 600, "seconds ") * 1000,
    retries: whole(id, "retries", retries, 0, 100),
    ...(schedule !== undefined && schedule.length > 0 ? { retryScheduleMs: schedule } : {}),
    enabled: endpoint.enabled ?? true,
    eventTypes: [...eventTypes],
    signature,
    concurrency: whole(id, "concurrency", endpoint.concurrency ?? 16, 1, 1000),
    ...(endpoint.rateLimit ? { rateLimit: checkRateLimit(id, endpoint.rateLimit) } : {}),
    ...(endpoint.filter ? { filter: endpoint.filter } : {}),
    propagateTrace: endpoint.propagateTrace ?? true,
    ...checkSending(id, endpoint),
  };
}

function checkUrlForm(text: string): URL {
  if (!URL.canParse(text)) {
    throw new WebhookError("ENDPOINT_INVALID", "Expected `url` to be a URL such as https://example.com/hook");
  }
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new WebhookError(
      "ENDPOINT_INVALID",
      `Expected \`url\` to start with https://, got \`${url.protocol}\``,
    );
  }
  if (url.username !== "" || url.password !== "") {
    const detail = `Expected the URL at ${url.host} to hold no user name or password; use \`headers\` instead`;
    throw new WebhookError("ENDPOINT_INVALID", detail);
  }
  return url;
}

function checkRateLimit(id: string, limit: { max: number; per: number }): { max: number; perMs: number } {
  return {
    max: whole(id, "rateLimit.max", limit.max, 1, 1_000_000),
    perMs: between(id, "rateLimit.per", limit.per, 0.01, 86_400, "seconds ") * 1000,
  };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
