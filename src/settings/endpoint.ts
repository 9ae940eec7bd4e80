/** The settings of an endpoint. */
import { cutText } from "../event/cut-text.ts";
import type { WebhookEndpoint } from "../event/endpoint.ts";
import { list, object, record } from "./composed.ts";
import { headers } from "./headers.ts";
import { kindOf } from "./kind-of.ts";
import { callable, flag, oneOf, seconds, text, whole } from "./kinds.ts";
import { endpointEventTypes } from "./patterns.ts";
import { secrets } from "./secrets.ts";
import { sending } from "./sending.ts";
import { type Fields, nameIn, type Problem, type Setting, type Site, unfit } from "./setting.ts";

/** A file may name another that holds the secret. */
export type EndpointSettings = WebhookEndpoint & { readonly secretFile?: string };

const urlWords = "a URL that starts with https:// and holds no user name, such as https://example.com/hook";

/** Plain http is refused later, by the rules of the network, which may allow it. */
export const url: Setting<string> = {
  expected: () => urlWords,
  read: (value) => {
    if (typeof value !== "string") return unfit(urlWords, kindOf(value));
    if (!URL.canParse(value)) return unfit(urlWords, "a text that is no URL");
    const { protocol, username, password } = new URL(value);
    if (!/^https?:$/.test(protocol)) return unfit(urlWords, `\`${cutText(protocol, 64)}\``);
    if (username === "" && password === "") return { value };
    return unfit(urlWords, "one with a user name or password; use `headers` instead");
  },
};

/** A file whose only line is a secret. */
export const secretFile: Setting<string> = { ...text("a path"), places: ["file"] };

export const timeout = { ...seconds(0.1, 600), default: 30 } satisfies Setting<number>;
export const retries = { ...whole(0, 100), default: 3 } satisfies Setting<number>;

const fields = {
  url: { ...url, required: true },
  id: text("1 to 128 characters", { pattern: /^[^]{1,128}$/ }),
  description: text("a text of 1 to 1000 characters", { pattern: /^[^]{1,1000}$/ }),
  metadata: record(
    text("a text of up to 500 characters", { pattern: /^[^]{0,500}$/ }),
    "a mapping of names to texts",
    { pattern: /^[\w.-]{1,64}$/, expected: "by names of 1 to 64 letters, digits, `-`, `_` or `.`" },
  ),
  secret: secrets,
  secretFile,
  headers,
  timeout,
  retries,
  retrySchedule: list(seconds(0, 31_536_000), "a list of seconds"),
  enabled: { ...flag, default: true },
  eventTypes: endpointEventTypes,
  signature: { ...oneOf(["sha256", "sha1"]), default: "sha256" },
  concurrency: { ...whole(1, 1000), default: 16 },
  rateLimit: object<NonNullable<WebhookEndpoint["rateLimit"]>>({
    max: { ...whole(1, 1_000_000), required: true },
    per: { ...seconds(0.01, 86_400), required: true },
  }),
  filter: callable<NonNullable<WebhookEndpoint["filter"]>>(),
  propagateTrace: { ...flag, default: true },
  ...sending,
} satisfies Fields<EndpointSettings>;

export const endpoint = { ...object<EndpointSettings>(fields, { together: fitTogether }), fields };

function fitTogether(settings: EndpointSettings, { place }: Site): Problem | undefined {
  const { transform, batch, retries: given, retrySchedule = [] } = settings;
  if (transform !== undefined && batch !== undefined) {
    return { path: ["transform"], kind: "unfit", expected: "absent where there is a `batch`", got: "both" };
  }
  // The plan is as long as the retries are many, where nothing else says how many.
  if (given !== undefined || retrySchedule.length <= 100) return undefined;
  const path = [nameIn(place, "retrySchedule")];
  return { path, kind: "unfit", expected: "a list of up to 100 seconds", got: `${retrySchedule.length}` };
}
