/** Who wants which events, where, and under which secrets: as the user writes it, and as it is once checked. */
import type { EndpointLimits } from "./endpoint-state.ts";
import type { Secret, SecretSetting } from "./secret.ts";
import type { Sending, SendingSettings } from "./sending-settings.ts";
import type { WebhookEvent } from "./webhook-event.ts";

/** What of `Headers`, of Node, of browsers or of a package, tells it from a Map. */
export interface HeadersObject {
  append(name: string, value: string): void;
  forEach(callback: (value: string, name: string) => void): void;
}

/** An endpoint as the user writes it. Times are seconds, as in the Python original. */
export interface WebhookEndpoint extends SendingSettings {
  readonly url: string;
  /** Label of metrics and records. @default `ep_` and a hash of the URL */
  readonly id?: string;
  /** What it is for, for people: shown wherever endpoints are, sent nowhere. */
  readonly description?: string;
  /** Texts of your own, such as a team or a customer's number: shown like the description, sent nowhere. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Several while one is being rotated: the first signs `X-Mova-Signature`, all sign `webhook-signature`. One with an
   * `expiresAt` stops then.
   */
  readonly secret?: SecretSetting | readonly SecretSetting[];
  readonly headers?: Readonly<Record<string, string>> | HeadersObject;
  /** Seconds for a whole attempt, 0.1 to 600. @default 30 */
  readonly timeout?: number;
  /** Attempts after the first, 0 to 100. @default 3, or the length of `retrySchedule` */
  readonly retries?: number;
  /** Seconds before each retry; the last repeats up to `retries`. Replaces the exponential backoff. */
  readonly retrySchedule?: readonly number[];
  /** @default true */
  readonly enabled?: boolean;
  /** Exact types, `*` or `validation.*`. @default every type */
  readonly eventTypes?: readonly string[];
  /** Hash of `X-Mova-Signature`. @default "sha256" */
  readonly signature?: "sha256" | "sha1";
  /**
   * Attempts at the same time, 1 to 1000: where it is given, over all processes that share the outbox. @default 16 for
   * each process
   */
  readonly concurrency?: number;
  /** At most `max` attempts in `per` seconds, over all processes that share the outbox. */
  readonly rateLimit?: { readonly max: number; readonly per: number };
  /** Is asked after the type matched; a false or a throw keeps the event from this endpoint. */
  readonly filter?: (event: WebhookEvent) => boolean;
  /** Sends `traceparent`. @default true */
  readonly propagateTrace?: boolean;
}

/** An endpoint that was checked: every default filled in, durations in milliseconds, secrets hidden. */
export interface Endpoint extends Sending {
  readonly id: string;
  /** Twelve characters that stand for the id in delivery ids: enough that thousands of endpoints differ. */
  readonly key: string;
  readonly url: URL;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly secrets: readonly Secret[];
  readonly headers: ReadonlyMap<string, Secret>;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryScheduleMs?: readonly number[];
  readonly enabled: boolean;
  readonly eventTypes: readonly string[];
  readonly signature: "sha256" | "sha1";
  readonly concurrency: number;
  readonly rateLimit?: { readonly max: number; readonly perMs: number };
  /** What its claims are bounded by in the outbox; absent where nothing is. */
  readonly limits?: EndpointLimits;
  readonly filter?: (event: WebhookEvent) => boolean;
  readonly propagateTrace: boolean;
}

/** Manager-wide values that an endpoint may leave out. */
export interface EndpointDefaults {
  readonly timeout?: number;
  readonly retries?: number;
  readonly secret?: SecretSetting | readonly SecretSetting[];
}
