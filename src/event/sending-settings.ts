/** How an endpoint wants to be treated: what its answers mean, when to leave it alone, what to post together. */
import type { WebhookEvent } from "./webhook-event.ts";

/** What an answer means for its delivery: `disable` also switches the endpoint off. */
export type StatusVerdict = "delivered" | "retry" | "dead" | "disable";

export interface StatusRule {
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
  readonly verdict: StatusVerdict;
}

/** What a `transform` makes of an event. */
export interface TransformedEvent {
  /** An object is written as JSON; a text is sent as UTF-8, bytes as they are. */
  readonly body: object | string | Uint8Array;
  /** Stored as they are: what is secret belongs into the endpoint's `headers`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CircuitBreakerSettings {
  /** In a row. @default 5 */
  readonly failures?: number;
  /** Seconds. @default 1 */
  readonly wait?: number;
  /** Seconds. @default 60 */
  readonly maxWait?: number;
  /** Leaves it alone too at this share of failures within `window`, above 0 to 1: 0.5 is every other attempt. @default none */
  readonly failureRate?: number;
  /** Seconds over which the share is taken. @default 60 */
  readonly window?: number;
  /** Attempts in the window below which the share says nothing. @default 20 */
  readonly minimum?: number;
}

export interface SendingSettings {
  /**
   * What answers mean, by status (`404`) or class (`5xx`), from 300 to 599: `retry`, `dead`, `delivered` or
   * `disable`. What is not named keeps the meaning it has anyway.
   */
  readonly statusRules?: Readonly<Record<string, StatusVerdict>>;
  /**
   * Leaves the endpoint alone after so many failures in a row, for `wait` seconds, doubling up to `maxWait`; then one
   * delivery is tried. What waits meanwhile spends no retries. @default { failures: 5, wait: 1, maxWait: 60 }
   */
  readonly circuitBreaker?: false | CircuitBreakerSettings;
  /**
   * Seconds to wait at least after a 429 that names no `Retry-After`; 0 for what the retries' plan says.
   * @default 10
   */
  readonly throttledWait?: number;
  /** Seconds of nothing but failure until the endpoint is switched off; 0 for never. @default 432_000, five days */
  readonly disableAfter?: number;
  /** Posts up to `maxEvents` together as a JSON array, and waits up to `maxWaitSeconds` for company. */
  readonly batch?: { readonly maxEvents: number; readonly maxWaitSeconds: number };
  /**
   * A path into the event, such as `data.order_id`: deliveries of one value go out one after the other, in the order the
   * events were accepted. An event without it waits for nobody.
   */
  readonly orderBy?: string;
  /** Whether a delivery that died keeps back the others of its `orderBy` until it is replayed or cancelled. @default "block" */
  readonly onDead?: "block" | "skip";
  /** Seconds after which a delivery is not worth sending any more: it is dead then, with the reason `expired`. @default none */
  readonly maxAge?: number;
  /** Makes the body and headers this receiver wants; called once, when the event is routed. Excludes `batch`. */
  readonly transform?: (event: WebhookEvent) => TransformedEvent;
}

/** The settings after the check: durations in milliseconds. */
export interface Sending {
  /** The first that holds a status decides. */
  readonly statusRules?: readonly StatusRule[];
  /** Absent where the endpoint is never left alone. */
  readonly circuitBreaker?: {
    readonly failures: number;
    readonly waitMs: number;
    readonly maxWaitMs: number;
    /** Absent where only failures in a row count. */
    readonly rate?: { readonly failureRate: number; readonly windowMs: number; readonly minimum: number };
  };
  /** Absent where the retries' plan holds after a 429 as well. */
  readonly throttledWaitMs?: number;
  /** Absent where it is never switched off for failing. */
  readonly disableAfterMs?: number;
  readonly batch?: { readonly maxEvents: number; readonly maxWaitMs: number };
  /** The steps of the path. */
  readonly orderBy?: readonly string[];
  readonly onDead: "block" | "skip";
  readonly maxAgeMs?: number;
  readonly transform?: (event: WebhookEvent) => TransformedEvent;
}
