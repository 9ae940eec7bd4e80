/**
 * The outbox contract: where accepted events wait until they are delivered, and what is remembered of them.
 *
 * A delivery is `pending` → claimed (`delivering`) → settled (`delivered`, `dead`, or `pending` again for a retry).
 * A claim is a lease, not a delete: while its holder lives the lease is renewed by the outbox itself; when the
 * holder dies, the delivery becomes due again within `leaseMs`. Times are Unix milliseconds.
 */
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery, ReplaySelection } from "../event/delivery.ts";
import type { RoutingDecision } from "../event/routing-decision.ts";

export type { ReplaySelection } from "../event/delivery.ts";

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
  /** By lower-case name; they come before the endpoint's own. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface NewDelivery {
  /** The same for the same event and endpoint, so that storing twice stores once. */
  readonly id: string;
  readonly endpointId: string;
  readonly dueAt: number;
  /** Asks for the delivery to be stored as already claimed by this process. An outbox may ignore it. */
  readonly claim?: boolean;
  /** Kept with the delivery and given back with each of its claims. */
  readonly content?: DeliveryContent;
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
  /** The batch it was in when it was last settled as a retry: those that failed together are tried again together. */
  readonly batch?: string;
  /** Span of the attempt before, to link to. */
  readonly previous?: { readonly traceId: string; readonly spanId: string };
  /** What the outbox needs to recognise the lease; nobody else looks at it. */
  readonly lease: unknown;
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
  /** When it is due instead. */
  readonly dueAt: number;
}

export interface Outbox {
  readonly contract: 1;
  readonly name: string;
  readonly guarantees: {
    /** What `put` stored survives the death of the process. */
    readonly durable: boolean;
    /** Other processes may put into and claim from the same store; the worker then asks `due` periodically. */
    readonly shared: boolean;
  };
  /** How long after the death of its holder a claim may stay out of reach. */
  readonly leaseMs: number;

  /**
   * Stores events with their deliveries; resolves when they are stored as safely as `guarantees` say.
   * A known event id stores nothing. Results come in the order given. Rejects with OUTBOX_FULL or OUTBOX_UNAVAILABLE,
   * then nothing of this call is stored.
   */
  put(submissions: readonly Submission[]): Promise<readonly Stored[]>;
  /** Like `put`, but returns only when stored: for the last moment of a crashing process. Absent where impossible. */
  putSync?(submissions: readonly Submission[]): void;
  /**
   * Leases up to `limit` due deliveries of one endpoint to this process, longest due first. Where first attempts
   * and retries (replays are retries here) both wait, each gets half of the limit, so that neither starves the other.
   */
  claim(endpointId: string, limit: number): Promise<readonly Claim[]>;
  /**
   * Ends a lease and records the attempt. `lost` means that the lease ended already, by a settlement or because
   * another process took over: nothing was changed.
   */
  settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost">;
  due(): Promise<Due>;

  /** Rejects with CONFIG_INVALID for a cursor of another form than its pages have. */
  find(query: DeliveryQuery): Promise<DeliveryPage>;
  get(deliveryId: string): Promise<Delivery | undefined>;
  /** The event with its routing decisions and deliveries: what `explain` reads. */
  event(eventId: string): Promise<EventRecord | undefined>;
  /**
   * Makes finished deliveries pending and due now, with attempt numbers from 1 and `replays` one higher.
   * Oldest first, without `limit` up to 10,000. What is not finished, and an unknown id, is left out. Returns the ids.
   */
  replay(selection: ReplaySelection): Promise<readonly string[]>;
  /** Makes every pending delivery of an endpoint dead for a reason. Returns how many. */
  bury(endpointId: string, reason: string): Promise<number>;
  /**
   * Makes due earlier what waits at an endpoint beyond any plan, because the clock was set back since: retries, and
   * first attempts of events that were accepted in what is the future by now. Returns how many. A store without it
   * delivers them when the clock has caught up.
   */
  pullBack?(endpointId: string, times: PullBack): Promise<number>;
  counts(): Promise<readonly EndpointCounts[]>;
  /**
   * Forgets events of which nothing is left to do: those accepted before `before`, and the oldest until no more than
   * `keep` finished deliveries are left (an event that went to no endpoint counts as one). Returns how many deliveries.
   */
  prune(limits: { readonly before?: number; readonly keep?: number }): Promise<number>;
  /** Resolves when the store answers; rejects with the typed error that says why not. */
  ping(): Promise<void>;
  /**
   * Ends renewal and connections. What is still claimed becomes due again. Every later call rejects with CLOSED, and so
   * does what is under way when `deadlineMs` are over. Without a deadline it takes seconds at the most.
   */
  close(deadlineMs?: number): Promise<void>;
}

/** What the configuration chose: a kind of outbox and its options. An outbox of one's own is given in by code. */
export interface OutboxChoice {
  readonly type: string;
  readonly [option: string]: unknown;
}
