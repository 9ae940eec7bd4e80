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
  readonly attempts: readonly Attempt[];
}

/** Narrows a search; every field given must match. Times are Unix milliseconds, of the event's acceptance. */
export interface DeliveryQuery {
  readonly eventId?: string;
  readonly endpointId?: string;
  readonly eventType?: string;
  readonly state?: DeliveryState;
  /** Inclusive. */
  readonly since?: number;
  /** Exclusive. */
  readonly until?: number;
  /** @default 100 */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

export interface DeliveryPage {
  /** Newest first. */
  readonly deliveries: readonly Delivery[];
  /** Present while there is more. */
  readonly cursor?: string;
}

/** Which finished deliveries are meant; every field given must match. */
export interface ReplaySelection extends Omit<DeliveryQuery, "cursor"> {
  /** @default `dead`, unless `deliveryIds` is given */
  readonly state?: "dead" | "delivered";
  readonly deliveryIds?: readonly string[];
  /** Only tells which deliveries it would be. @default false */
  readonly dryRun?: boolean;
}
