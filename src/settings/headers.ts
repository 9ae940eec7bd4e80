/** Which extra headers an endpoint may set: undici would accept some that let a caller steer the connection. */
import { cutText } from "../event/cut-text.ts";
import type { HeadersObject } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import { Secret } from "../event/secret.ts";
import { check } from "./check.ts";
import { record } from "./composed.ts";
import { isMapping, kindOf } from "./kind-of.ts";
import { text } from "./kinds.ts";
import { type Setting, unfit } from "./setting.ts";

type HeaderTexts = Readonly<Record<string, string>>;

const byName = record(text("a text", { pattern: /^/ }), "a mapping of header names to texts");

/** Their names and values; which of them may be set is told by `checkHeaders`, which knows the endpoint. */
export const headers: Setting<HeaderTexts> = {
  ...byName,
  expected: (place) => byName.expected(place) + (place === "code" ? ", or a Headers object" : ""),
  read: (value, site) => {
    if (isMapping(value)) return byName.read(value, site);
    if (site.place !== "code" || !isHeadersObject(value)) {
      return unfit(headers.expected(site.place), kindOf(value));
    }
    const taken: [string, string][] = [];
    value.forEach((each, name) => taken.push([name, each]));
    return { value: Object.fromEntries(taken) };
  },
};

function isHeadersObject(value: unknown): value is HeadersObject {
  return Object.prototype.toString.call(value) === "[object Headers]" && "forEach" in Object(value);
}

/** Hop-by-hop and framing headers (RFC 9110 section 7.6.1), `Host`, and the headers this package signs or sets. */
const reserved = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "content-length",
  "content-encoding",
  "traceparent",
  "tracestate",
  "baggage",
]);

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Printable Latin-1 without control characters, as undici and RFC 9110 section 5.5 have it. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]{0,4096}$/;

/** Returns the headers by their names as written, with hidden values. Throws ENDPOINT_INVALID, naming no value. */
export function checkHeaders(id: string, given: unknown = {}): ReadonlyMap<string, Secret> {
  const about = { name: "headers", code: "ENDPOINT_INVALID" } as const;
  const checked = new Map<string, Secret>();
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(check(`endpoint \`${id}\``, headers, given, about))) {
    const lower = name.toLowerCase();
    if (!token.test(lower)) throw refused(id, name, "is not a header name");
    if (reserved.has(lower) || lower.startsWith("webhook-") || lower.startsWith("x-mova-")) {
      throw refused(id, name, "is set by this package or by the connection and cannot be replaced");
    }
    if (!fieldValue.test(value)) {
      throw refused(id, name, "must have a value of up to 4096 Latin-1 characters without line breaks");
    }
    if (lower === "user-agent" && value.trim() === "") {
      throw refused(id, name, "must not be empty; leave it out for the one of this package");
    }
    if (seen.has(lower)) throw refused(id, name, "is there twice: the case of a name makes no difference");
    seen.add(lower);
    checked.set(name, new Secret(value));
  }
  return checked;
}

function refused(id: string, name: string, why: string): WebhookError {
  return new WebhookError("ENDPOINT_INVALID", `Header \`${cutText(name, 64)}\` of endpoint \`${id}\` ${why}`);
}
