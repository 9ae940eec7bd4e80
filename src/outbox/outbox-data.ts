/** What a store is given and gives back: events, deliveries, claims and how they end. Times are Unix milliseconds. */
import type { Delivery } from "../event/delivery.ts";
import type { EndpointLimits } from "../event/endpoint-state.ts";
import type { RoutingDecision } from "../event/routing-decision.ts";

export interface OutboxEvent {
  readonly id: string;
  readonly type: string;
  /** Plugin name, or `api` for `triggerEvent`. */
  readonly source: string;
  readonly createdAt: number;
  /** Exactly the bytes that are signed and sent, shared by all deliveries of the event. */
  readonly body: Buffer;
  /** W3C trace context of the publish span. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Which process published it. */
  readonly origin: string;
  /** One per endpoint known when it was routed. */
  readonly decisions: readonly RoutingDecision[];
}

/** What one endpoint gets instead of the event's own body. */
export interface DeliveryContent {
  /** Exactly the bytes that are signed and sent. */
  readonly body: Buffer;
  /** By name as written; they come before the endpoint's own. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface NewDelivery {
  /** The same for the same event and endpoint, so that storing twice stores once. */
  readonly id: string;
  readonly endpointId: string;
  readonly dueAt: number;
  /** Later it is not worth sending any more: where it still waits then, it is dead with the reason `expired`. */
  readonly expiresAt?: number;
  /** Deliveries of one endpoint and key go out one after the other, in the order they were stored. */
  readonly orderKey?: string;
  /** Asks for the delivery to be stored as already claimed by this process. An outbox may ignore it. */
  readonly claim?: boolean;
  /** What the claim asked for is bounded by. */
  readonly limits?: EndpointLimits;
  /** Kept with the delivery and given back with each of its claims. */
  readonly content?: DeliveryContent;
}

/** A delivery to add to an event that is stored already. */
export interface LateDelivery {
  readonly eventId: string;
  readonly delivery: NewDelivery;
}

export interface Submission {
  readonly event: OutboxEvent;
  readonly deliveries: readonly NewDelivery[];
}

export interface Stored {
  /** False where the event id was known already: nothing was stored. */
  readonly accepted: boolean;
  /** Those of the deliveries that are already claimed by this process. */
  readonly claims: readonly Claim[];
}

/** One delivery on lease to this process, with all that an attempt needs. */
export interface Claim {
  readonly id: string;
  readonly endpointId: string;
  readonly event: Omit<OutboxEvent, "decisions">;
  /** Number of the attempt this claim is for, from 1; again from 1 after a replay. */
  readonly attempt: number;
  /** 0, or the number of the replay it belongs to. */
  readonly replay: number;
  /** What was stored with the delivery to be sent instead of the event's body. */
  readonly content?: DeliveryContent;
  /** Later it is not worth sending any more. */
  readonly expiresAt?: number;
  readonly orderKey?: string;
  /** The batch it was in when it was last settled as a retry: those that failed together are tried again together. */
  readonly batch?: string;
  /** Span of the attempt before, to link to. */
  readonly previous?: { readonly traceId: string; readonly spanId: string };
  /** What the outbox needs to recognise the lease; nobody else looks at it. */
  readonly lease: unknown;
}

export interface Claimed {
  readonly claims: readonly Claim[];
  /**
   * Present where limits keep back what is due: when more may be granted, Unix milliseconds; `Infinity` where a claim
   * must be settled first.
   */
  readonly nextAt?: number;
  /** Another process asks under stricter limits, which hold for this one too. */
  readonly stricter?: boolean;
}

/** What one post carries: one claim, or a batch of them. */
export type Claims = readonly [Claim, ...Claim[]];

export type Settlement =
  | { readonly kind: "delivered" }
  /** `batch` comes back with every claim until the next settlement that is no release. */
  | { readonly kind: "retry"; readonly dueAt: number; readonly reason: string; readonly batch?: string }
  | { readonly kind: "dead"; readonly reason: string }
  /** Handed back without an attempt: it counts as none. */
  | { readonly kind: "release"; readonly dueAt: number; readonly reason?: string };

export interface Due {
  /** Endpoints with at least one delivery that may be claimed now. */
  readonly endpointIds: readonly string[];
  /** When the next pending delivery becomes due, if one waits. */
  readonly nextAt?: number;
  /** When the next pending delivery expires, or did: then `expire` has something to do. */
  readonly expiresAt?: number;
  /** Goes up with every change of states or stored endpoints, by whatever process; absent before the first. */
  readonly version?: number;
}

/** A delivery that died without an attempt: as much as observers are told. */
export type Ended = Pick<Delivery, "id" | "eventId" | "eventType" | "endpointId" | "createdAt">;

/** What became of asking for one delivery to be sent or not to be sent. */
export type Intervened = "done" | "unknown" | "under way" | "finished";

export interface MissedPage {
  /** Oldest first. */
  readonly events: readonly OutboxEvent[];
  /** Present while there is more. */
  readonly cursor?: string;
}

export interface PutOptions {
  /** A transaction of the caller's, in the same database: what is stored then is stored, or not, together with it. */
  readonly transaction?: unknown;
}

export interface EndpointCounts {
  readonly endpointId: string;
  readonly pending: number;
  readonly delivering: number;
  readonly dead: number;
  /** Due time of the pending delivery that is due longest; absent when nothing is due. */
  readonly oldestDueAt?: number;
}

export interface EventRecord {
  readonly event: OutboxEvent;
  readonly deliveries: readonly Delivery[];
}

export interface PullBack {
  /** Later than anything that was planned can be. */
  readonly beyond: number;
  /** No later than that, where only a part is meant. @default no bound */
  readonly upTo?: number;
  /** When it is due instead. */
  readonly dueAt: number;
}
