/** The rules of searching and replaying that hold in every store. */
import type { DeliveryQuery, DeliveryState } from "../event/delivery.ts";
import { matchesPattern } from "../event/event-types.ts";
import type { ReplaySelection } from "./outbox.ts";

/** Deliveries on a page, where a query names no `limit`. */
export const pageSize = 100;
/** Deliveries that one replay takes at most, where it names no `limit`. */
export const replaySize = 10_000;

/** What a query looks at. A store may have numbers for endpoints and states; its queries have the same ones then. */
export interface Searched<Endpoint = string, State = DeliveryState> {
  readonly endpointId: Endpoint;
  readonly eventType: string;
  readonly state: State;
  readonly createdAt: number;
  /** Absent where the store has looked already only among the deliveries of the event asked for. */
  readonly eventId?: string;
}

/** A query without its page. */
export interface Wanted<Endpoint = string, State = DeliveryState>
  extends Partial<Omit<Searched<Endpoint, State>, "createdAt" | "eventType">>,
    Pick<DeliveryQuery, "eventType" | "since" | "until"> {}

/** Tells whether a delivery is wanted: `since` is the first moment of a query, `until` the first one after it. */
export function matches<Endpoint, State>(
  delivery: Searched<Endpoint, State>,
  query: Wanted<Endpoint, State>,
): boolean {
  return (
    (query.eventId === undefined || delivery.eventId === query.eventId) &&
    (query.endpointId === undefined || delivery.endpointId === query.endpointId) &&
    (query.eventType === undefined || matchesOne(query.eventType, delivery.eventType)) &&
    (query.state === undefined || delivery.state === query.state) &&
    (query.since === undefined || delivery.createdAt >= query.since) &&
    (query.until === undefined || delivery.createdAt < query.until)
  );
}

function matchesOne(patterns: string | readonly string[], type: string): boolean {
  if (typeof patterns === "string") return matchesPattern(patterns, type);
  return patterns.some((pattern) => matchesPattern(pattern, type));
}

/** Returns the one type that a query asks for; undefined where it asks for a pattern or for several. */
export function exactType({ eventType }: Pick<DeliveryQuery, "eventType">): string | undefined {
  return typeof eventType === "string" && !eventType.endsWith("*") ? eventType : undefined;
}

/** Tells whether nothing is left to do for a delivery, so that it may be replayed or forgotten. */
export function isFinished({ state }: { readonly state: DeliveryState }): boolean {
  return state === "delivered" || state === "dead";
}

/** Returns the one state that a replay takes; undefined where every finished delivery is taken. */
export function stateToReplay({ state, deliveryIds }: ReplaySelection): "dead" | "delivered" | undefined {
  return state ?? (deliveryIds === undefined ? "dead" : undefined);
}
