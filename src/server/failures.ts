/** The response to a request that failed: status, code and message as JSON, and when to try again. */
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type ErrorCode, WebhookError } from "../event/errors.ts";
import type { Logger } from "../event/logger.ts";

/** What is not listed is the server's own fault: 500. */
const statuses: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  REQUEST_INVALID: 400,
  EVENT_ID_INVALID: 400,
  TOKEN_INVALID: 401,
  REQUEST_REFUSED: 403,
  DELIVERY_UNKNOWN: 404,
  DELIVERY_BUSY: 409,
  ENDPOINT_UNKNOWN: 404,
  EVENT_UNKNOWN: 404,
  EVENT_ID_REUSED: 409,
  DATA_TOO_LARGE: 413,
  BODY_ENCODED: 415,
  EVENT_TYPE_UNKNOWN: 422,
  DATA_UNSERIALISABLE: 422,
  OUTBOX_FULL: 429,
  OUTBOX_UNAVAILABLE: 503,
  DISABLED: 503,
  CLOSED: 503,
};

/** Seconds. A full outbox empties slowly; a store that restarts is back soon. */
const retryAfter: Partial<Record<ErrorCode, number>> = {
  OUTBOX_FULL: 30,
  OUTBOX_UNAVAILABLE: 5,
  DISABLED: 30,
  CLOSED: 5,
};

/** Remedies for callers over HTTP; the errors' own are for callers of the library. */
const remedies: Partial<Record<ErrorCode, string>> = {
  EVENT_TYPE_UNKNOWN:
    "Use a known type, or let the server's configuration name its plugin or list it in `event_types`.",
  DATA_TOO_LARGE: "Send a reference instead of the content, or raise the server's `max_body_bytes`.",
  DELIVERY_UNKNOWN: "List deliveries with `GET /api/deliveries`.",
  ENDPOINT_UNKNOWN: "List endpoints with `GET /api/endpoints` or `mova-webhooks endpoints list`.",
  DISABLED: "Set `enabled` of the server's configuration to true; until then, send it again later.",
  CLOSED: "The server is starting or stopping; send it again in a moment.",
};

/** Carries a response that the error's code alone does not decide. */
export class RequestError extends WebhookError {
  readonly status: ContentfulStatusCode;

  constructor(status: ContentfulStatusCode, detail: string) {
    super("REQUEST_INVALID", detail);
    this.status = status;
  }
}

/** Writes an error as the response. One that nobody foresaw is logged, and its message stays here. */
export function answerFailure(context: Context, error: unknown, logger: Logger): Response {
  if (!WebhookError.is(error)) {
    // Nobody reads the answer. A client that hangs up is no error of ours.
    if (brokeOff(context)) return answerFailure(context, new RequestError(400, "The body broke off"), logger);
    logger.error({ err: error, path: context.req.routePath }, "request failed");
    return answerFailure(context, new WebhookError("UNEXPECTED", "The request failed"), logger);
  }
  const { code } = error;
  const remedy = remedies[code];
  const message = remedy === undefined ? error.message : `${error.detail}. ${remedy}`;
  const seconds = retryAfter[code];
  if (seconds !== undefined) context.header("Retry-After", String(seconds));
  if (code === "TOKEN_INVALID") context.header("WWW-Authenticate", "Bearer");
  const status = error instanceof RequestError ? error.status : (statuses[code] ?? 500);
  return context.json({ error: { code, message } }, status);
}

function brokeOff({ env }: Context): boolean {
  const { incoming } = env as Partial<HttpBindings>;
  return incoming !== undefined && incoming.destroyed && !incoming.complete;
}
