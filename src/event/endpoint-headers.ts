/** Which extra headers an endpoint may set: undici would accept some that let a caller steer the connection. */
import { WebhookError } from "./errors.ts";
import { Secret } from "./secret.ts";

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

/** Returns the headers by lower-case name with hidden values. Throws ENDPOINT_INVALID, naming no value. */
export function checkHeaders(
  id: string,
  headers: Readonly<Record<string, string>>,
): ReadonlyMap<string, Secret> {
  const checked = new Map<string, Secret>();
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!token.test(lower)) throw refused(id, name, "is not a header name");
    if (reserved.has(lower) || lower.startsWith("webhook-") || lower.startsWith("x-mova-")) {
      throw refused(id, name, "is set by this package or by the connection and cannot be replaced");
    }
    if (typeof value !== "string" || !fieldValue.test(value)) {
      throw refused(id, name, "must have a value of up to 4096 Latin-1 characters without line breaks");
    }
    checked.set(lower, new Secret(value));
  }
  return checked;
}

function refused(id: string, name: string, why: string): WebhookError {
  return new WebhookError("ENDPOINT_INVALID", `Header \`${name.slice(0, 64)}\` of endpoint \`${id}\` ${why}`);
}
