/** Checks the settings of an endpoint, fills in what they leave out, and makes their units plain. */
import { cutText } from "../event/cut-text.ts";
import { createHash } from "node:crypto";
import type { Endpoint, EndpointDefaults, WebhookEndpoint } from "../event/endpoint.ts";
import type { EndpointLimits } from "../event/endpoint-state.ts";
import type { Sending } from "../event/sending-settings.ts";
import { problemInCode } from "./check.ts";
import { endpoint } from "./endpoint.ts";
import { checkHeaders } from "./headers.ts";
import { hideSecrets } from "./secrets.ts";
import { resolveSending } from "./sending.ts";
import { readGiven } from "./setting.ts";

const { fields } = endpoint;

/** Throws ENDPOINT_INVALID or SECRET_INVALID. */
export function resolveEndpoint(given: WebhookEndpoint, defaults: EndpointDefaults = {}): Endpoint {
  const reading = readGiven(endpoint, given, { place: "code" });
  if ("problems" in reading) {
    const about = { name: "settings", code: "ENDPOINT_INVALID" } as const;
    throw problemInCode(subjectOf(given), reading.problems, about);
  }
  const { value: settings } = reading;
  const { retrySchedule = [], rateLimit, filter } = settings;
  const url = new URL(settings.url);
  const sendingOf = resolveSending(settings);
  const limits = limitsOf(settings, sendingOf);
  const id = settings.id ?? idOf(url);
  return {
    id,
    key: hash(id).slice(0, 12),
    url,
    ...(settings.description === undefined ? {} : { description: settings.description }),
    ...(settings.metadata === undefined ? {} : { metadata: settings.metadata }),
    secrets: hideSecrets(id, settings.secret ?? defaults.secret),
    headers: checkHeaders(id, settings.headers),
    timeoutMs: (settings.timeout ?? defaults.timeout ?? fields.timeout.default) * 1000,
    retries: settings.retries ?? settings.retrySchedule?.length ?? defaults.retries ?? fields.retries.default,
    ...(retrySchedule.length > 0 ? { retryScheduleMs: retrySchedule.map((step) => step * 1000) } : {}),
    enabled: settings.enabled ?? fields.enabled.default,
    eventTypes: settings.eventTypes ?? ["*"],
    signature: settings.signature ?? fields.signature.default,
    concurrency: settings.concurrency ?? fields.concurrency.default,
    ...(rateLimit === undefined ? {} : { rateLimit: { max: rateLimit.max, perMs: rateLimit.per * 1000 } }),
    ...(filter === undefined ? {} : { filter }),
    propagateTrace: settings.propagateTrace ?? fields.propagateTrace.default,
    ...sendingOf,
    ...(limits === undefined ? {} : { limits }),
  };
}

/** Only what was asked for is bounded over all processes: a default is each process's own. */
function limitsOf(
  { rateLimit, concurrency }: WebhookEndpoint,
  { batch, orderBy, onDead }: Sending,
): EndpointLimits | undefined {
  if (rateLimit === undefined && concurrency === undefined && orderBy === undefined) return undefined;
  const perPost = batch?.maxEvents;
  return {
    ...(rateLimit === undefined ? {} : { rate: { max: rateLimit.max, perMs: rateLimit.per * 1000 } }),
    ...(concurrency === undefined ? {} : { concurrency }),
    door: (concurrency ?? fields.concurrency.default) * (perPost ?? 1),
    ...(perPost === undefined ? {} : { perPost }),
    ...(orderBy === undefined ? {} : { order: onDead }),
  };
}

/** Returns what messages call an endpoint of which anything may be wrong. Of a URL, the origin at the most. */
function subjectOf(given: unknown): string {
  const { id, url } = Object(given) as { readonly id?: unknown; readonly url?: unknown };
  if (typeof id === "string" && id !== "") return `endpoint \`${cutText(id, 128)}\``;
  if (typeof url !== "string" || !URL.canParse(url)) return "an endpoint";
  return `endpoint \`${idOf(new URL(url))}\``;
}

/** The id of an endpoint that was given none. */
function idOf(url: URL): string {
  return `ep_${hash(url.href).slice(0, 10)}`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
