/** What became of one attempt: a value, never an exception, in words from a closed list. */

/** The same word stands in the metric, the span's `error.type`, the stored record, the log line and the CLI. */
export const outcomes = [
  "success",
  "http_3xx",
  "http_4xx",
  "http_429",
  "http_410",
  "http_5xx",
  "timeout",
  "dns",
  "connect",
  "tls",
  "reset",
  "blocked",
  "invalid_response",
  "unsendable",
] as const;

export type Outcome = (typeof outcomes)[number];

export interface AttemptOutcome {
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** The short machine word behind it: an error's code, or its class. Never content. */
  readonly detail?: string;
  /** HTTP status, where one arrived. */
  readonly status?: number;
  /** The wait the receiver asked for with `Retry-After`, from the end of this attempt. */
  readonly retryAfterMs?: number;
  /** What the receiver asked for with the `webhook-delivery` response header. */
  readonly control?: "disable" | "abort-message";
  /** Beginning of the response body, capped, for the record of a failure. */
  readonly response?: string;
}
