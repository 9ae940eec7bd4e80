/** One event for one endpoint: its states, its attempts, and how it is found again. */
import type { Outcome } from "./attempt-outcome.ts";

export type DeliveryState = "pending" | "delivering" | "delivered" | "dead";

/** The record of one attempt. Times are Unix milliseconds. */
export interface Attempt {
  /** 1, 2, … and again from 1 after a replay. */
  readonly number: number;
  /** 0 for the first run of a delivery, then the number of the replay this attempt belongs to. */
  readonly replay: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
  readonly status?: number;
  readonly traceId?: string;
  readonly spanId?: string;
  /** Beginning of the response body of a failed attempt, capped. */
  readonly response?: string;
}

/** What a person or program asked for while it waited. */
export interface Intervention {
  readonly action: "send" | "cancel";
  /** Who asked: `code`, `api`, `cli`, or a name. */
  readonly by: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly reason?: string;
}

/** The stored record of a delivery. Times are Unix milliseconds. */
export interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly endpointId: string;
  readonly state: DeliveryState;
  readonly createdAt: number;
  /** When the next attempt may start; for a finished delivery, when it finished. */
  readonly dueAt: number;
  /** How often it was replayed. */
  readonly replays: number;
  /** Why it is dead, or why it waits: an outcome word, or a sentence such as `endpoint removed`. */
  readonly reason?: string;
  /** When it is not worth sending any more. */
  readonly expiresAt?: number;
  /** Deliveries of one endpoint and key go out one after the other. */
  readonly orderKey?: string;
  /** The delivery of the same key that must end first. */
  readonly behind?: string;
  /** Oldest first; absent where nobody intervened. */
  readonly interventions?: readonly Intervention[];
  readonly attempts: readonly Attempt[];
}

/** Narrows a search; every field given must match. Times are Unix milliseconds, of the event's acceptance. */
export interface DeliveryQuery {
  readonly eventId?: string;
  readonly endpointId?: string;
  /** A type, a pattern such as `order.*`, or several, of which one must match. */
  readonly eventType?: string | readonly string[];
  readonly state?: DeliveryState;
  /** Inclusive. */
  readonly since?: number;
  /** Exclusive. */
  readonly until?: number;
  /** Which come first, by the event's acceptance. @default "newest" */
  readonly order?: "newest" | "oldest";
  /** @default 100 */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

export interface DeliveryPage {
  /** Newest first, or as the query's `order` has it. */
  readonly deliveries: readonly Delivery[];
  /** Present while there is more. */
  readonly cursor?: string;
}

/** Narrows a list of attempts; every field given must match. Times are Unix milliseconds, of the attempt's start. */
export interface AttemptQuery
  extends Pick<DeliveryQuery, "eventId" | "endpointId" | "eventType" | "order" | "cursor"> {
  readonly outcome?: Outcome;
  /** Such as `404`, or a class such as `5xx`. */
  readonly status?: string;
  /** Inclusive. */
  readonly since?: number;
  /** Exclusive. */
  readonly until?: number;
  /** So many at least, where there are: the attempts of one delivery stay together. @default 100 */
  readonly limit?: number;
}

/** An attempt with what it was made for. */
export interface ListedAttempt extends Attempt, Pick<Delivery, "eventId" | "eventType" | "endpointId"> {
  readonly deliveryId: string;
}

export interface AttemptPage {
  /** By the acceptance of their events, then as they were made; newest first, or as the query's `order` has it. */
  readonly attempts: readonly ListedAttempt[];
  /** Present while there may be more: a page may hold few, or none. */
  readonly cursor?: string;
}

/** Which finished deliveries are meant; every field given must match. */
export interface ReplaySelection extends Omit<DeliveryQuery, "cursor" | "order"> {
  /** @default `dead`, unless `deliveryIds` is given */
  readonly state?: "dead" | "delivered";
  readonly deliveryIds?: readonly string[];
  /** Only tells which deliveries it would be. @default false */
  readonly dryRun?: boolean;
}
