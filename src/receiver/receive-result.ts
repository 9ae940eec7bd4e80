/** The result of receiving: an event, or a refusal with a code and the HTTP status that fits. Never an exception. */
import { type ErrorCode, errorTable } from "../event/errors.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";

/**
 * 4xx is the sender's to mend. 5xx is the receiver's, so that the sender keeps the event and tries again: also for a
 * body that the receiver's own framework parsed away.
 */
const statuses = {
  HEADERS_MISSING: 401,
  SIGNATURE_INVALID: 401,
  TIMESTAMP_EXPIRED: 401,
  TIMESTAMP_INVALID: 400,
  BODY_INVALID: 400,
  BODY_INCOMPLETE: 408,
  BODY_TOO_LARGE: 413,
  BODY_ENCODED: 415,
  BODY_PARSED: 500,
  HANDLER_FAILED: 500,
  EVENT_IN_PROGRESS: 503,
  STORE_UNAVAILABLE: 503,
} as const satisfies Partial<Record<ErrorCode, number>>;

export type RefusalCode = keyof typeof statuses;

export interface Received {
  readonly ok: true;
  readonly event: WebhookEvent;
  /** True where the event was handled before: no handler ran now. */
  readonly duplicate: boolean;
}

export interface Refused {
  readonly ok: false;
  readonly code: RefusalCode;
  /** The HTTP status to answer with. */
  readonly status: number;
  /** Says what is wrong and what helps; holds no payload and no secret, so that it may be sent back. */
  readonly message: string;
  /** What a handler or the store threw. Do not send it back. */
  readonly cause?: unknown;
}

export type ReceiveResult = Received | Refused;

export function refuse(code: RefusalCode, detail: string, cause?: unknown): Refused {
  const message = `${detail}. ${errorTable[code].remedy}`;
  return { ok: false, code, status: statuses[code], message, ...(cause === undefined ? {} : { cause }) };
}
