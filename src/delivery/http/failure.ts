/** Turns what undici, Node's sockets and OpenSSL throw into a word of the closed list. */
import type { AttemptOutcome, Outcome } from "../../event/attempt-outcome.ts";
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
  // Of other resolvers than Node's own, and of `resolveAll` for one that does not answer, or not well.
  ["ETIMEOUT", "dns"],
  ["EBADRESP", "dns"],
  ["ECONNREFUSED", "connect"],
  ["EHOSTUNREACH", "connect"],
  ["ENETUNREACH", "connect"],
  ["EADDRNOTAVAIL", "connect"],
  ["EACCES", "connect"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["UND_ERR_SOCKET", "reset"],
  ["UND_ERR_DESTROYED", "reset"],
  // undici refuses to make this request: nothing was sent.
  ["UND_ERR_INVALID_ARG", "unsendable"],
  ["UND_ERR_NOT_SUPPORTED", "unsendable"],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "unsendable"],
  ["UND_ERR_HEADERS_OVERFLOW", "invalid_response"],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "invalid_response"],
  ["UND_ERR_RES_EXCEEDED_MAX_SIZE", "invalid_response"],
]);

/** This process, or its machine, has no more of something: of descriptors, of memory for sockets. */
const shortages: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** Tells whether the code is of our own making: an attempt that failed with it says nothing of the endpoint. */
export function isShortage(code: string | undefined): boolean {
  return code !== undefined && shortages.has(code);
}

/** OpenSSL's verify errors and Node's own TLS codes. */
const tlsCode =
  /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH$|ERR_OSSL_)/;

export interface Failure {
  readonly outcome: Outcome;
  /** The code of the error that decided. */
  readonly detail: string;
}

/** Names the outcome of an exchange that brought no status. Looks through `cause` and AggregateError. */
export function failureOf(error: unknown): Failure {
  for (const candidate of chainOf(error)) {
    const { code } = candidate as { readonly code?: unknown };
    if (typeof code !== "string") continue;
    const outcome = outcomeOf(code, candidate);
    if (outcome !== undefined) return { outcome, detail: wordOf(candidate) };
  }
  return { outcome: "invalid_response", detail: wordOf(error) };
}

function outcomeOf(code: string, error: object): Outcome | undefined {
  if (WebhookError.is(error, "ENDPOINT_BLOCKED")) return "blocked";
  // undici says `bad upgrade` and `bad response` of a 101 or 100 that nobody asked for: its only mark is the text.
  if (code === "UND_ERR_SOCKET" && error instanceof Error && error.message.startsWith("bad "))
    return "invalid_response";
  if (tlsCode.test(code)) return "tls";
  // llhttp's parser errors: HPE_INVALID_CONSTANT and its kin.
  if (code.startsWith("HPE_")) return "invalid_response";
  return shortages.has(code) ? "connect" : byCode.get(code);
}

/** Names the outcome of an attempt that failed before a request was made. */
export function unsendable(error: unknown): AttemptOutcome {
  return { outcome: "unsendable", durationMs: 0, detail: wordOf(error) };
}

/** The code of an error, or else its class. */
export function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && /^\w{1,64}$/.test(code) ? code : error.constructor.name;
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
