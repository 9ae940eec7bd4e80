/** Turns what undici, Node's sockets and OpenSSL throw into a word of the closed list. */
import type { Outcome } from "../../event/attempt-outcome.ts";
import { WebhookError } from "../../event/errors.ts";

const byCode: ReadonlyMap<string, Outcome> = new Map([
  ["UND_ERR_CONNECT_TIMEOUT", "timeout"],
  ["UND_ERR_HEADERS_TIMEOUT", "timeout"],
  ["UND_ERR_BODY_TIMEOUT", "timeout"],
  ["ETIMEDOUT", "timeout"],
  ["ENOTFOUND", "dns"],
  ["EAI_AGAIN", "dns"],
  ["EAI_FAIL", "dns"],
  ["ENODATA", "dns"],
  ["ESERVFAIL", "dns"],
  ["ECONNREFUSED", "connect"],
  ["EHOSTUNREACH", "connect"],
  ["ENETUNREACH", "connect"],
  ["EADDRNOTAVAIL", "connect"],
  ["EACCES", "connect"],
  ["EMFILE", "connect"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["UND_ERR_SOCKET", "reset"],
  ["UND_ERR_DESTROYED", "reset"],
  ["UND_ERR_HEADERS_OVERFLOW", "invalid_response"],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "invalid_response"],
  ["UND_ERR_RES_EXCEEDED_MAX_SIZE", "invalid_response"],
]);

/** OpenSSL's verify errors and Node's own TLS codes. */
const tlsCode =
  /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH$|ERR_OSSL_)/;

/** Names the outcome of an exchange that brought no status. Looks through `cause` and AggregateError. */
export function outcomeOfFailure(error: unknown): Outcome {
  for (const candidate of chainOf(error)) {
    if (WebhookError.is(candidate, "ENDPOINT_BLOCKED")) return "blocked";
    const code = (candidate as { code?: unknown }).code;
    if (typeof code !== "string") continue;
    // undici says `bad upgrade` and `bad response` of a 101 or 100 that nobody asked for: its only mark is the text.
    if (code === "UND_ERR_SOCKET" && candidate instanceof Error && candidate.message.startsWith("bad "))
      return "invalid_response";
    const known = byCode.get(code);
    if (known !== undefined) return known;
    if (tlsCode.test(code)) return "tls";
    // llhttp's parser errors: HPE_INVALID_CONSTANT and its kin.
    if (code.startsWith("HPE_")) return "invalid_response";
  }
  return "invalid_response";
}

function chainOf(error: unknown): object[] {
  const chain: object[] = [];
  let current = error;
  while (typeof current === "object" && current !== null && chain.length < 8) {
    chain.push(current);
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else current = (current as { cause?: unknown }).cause;
  }
  return chain;
}
