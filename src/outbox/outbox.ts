/**
 * The outbox contract: where accepted events wait until they are delivered, and what is remembered of them.
 *
 * A delivery is `pending` → claimed (`delivering`) → settled (`delivered`, `dead`, or `pending` again for a retry).
 * A claim is a lease, not a delete: while its holder lives the lease is renewed by the outbox itself; when the
 * holder dies, the delivery becomes due again within `leaseMs`. Times are Unix milliseconds.
 */
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery, ReplaySelection } from "../event/delivery.ts";
import type { EndpointLimits, EndpointState, StateChange, StoredEndpoint } from "../event/endpoint-state.ts";
import type {
  Claim,
  Claimed,
  Due,
  Ended,
  EndpointCounts,
  EventRecord,
  Intervened,
  LateDelivery,
  MissedPage,
  PullBack,
  PutOptions,
  Settlement,
  Stored,
  Submission,
} from "./outbox-data.ts";

export type { ReplaySelection } from "../event/delivery.ts";
export type * from "./outbox-data.ts";
export type { EndpointLimits, EndpointState, StateChange, StoredEndpoint } from "../event/endpoint-state.ts";

export interface Guarantees {
  /** What `put` stored survives the death of the process. */
  readonly durable: boolean;
  /** Other processes may put into and claim from the same store; the worker then asks `due` periodically. */
  readonly shared: boolean;
  /** `put` may join a transaction of the caller's. */
  readonly transactional: boolean;
  /** Claims keep an endpoint's limits over all processes of the store. */
  readonly clusterLimits: boolean;
}

export interface Outbox {
  readonly contract: 2;
  readonly name: string;
  readonly guarantees: Guarantees;
  /** How long after the death of its holder a claim may stay out of reach. */
  readonly leaseMs: number;

  /**
   * Stores events with their deliveries; resolves when they are stored as safely as `guarantees` say.
   * A known event id stores nothing. Results come in the order given. Rejects with OUTBOX_FULL, OUTBOX_UNAVAILABLE, or
   * TRANSACTION_UNSUPPORTED for a transaction that it cannot join; then nothing of this call is stored. Within a
   * transaction of the caller's no claim is granted.
   */
  put(submissions: readonly Submission[], options?: PutOptions): Promise<readonly Stored[]>;
  /** Like `put`, but returns only when stored: for the last moment of a crashing process. Absent where impossible. */
  putSync?(submissions: readonly Submission[]): void;
  /**
   * Leases up to `limit` due deliveries of one endpoint to this process, longest due first. Where first attempts
   * and retries (replays are retries here) both wait, each gets half of the limit, so that neither starves the other.
   * Never grants beyond `limits`, counted over all processes of the store. Of an order key only the oldest delivery that
   * is not finished is granted, and none while another of the key is under way. Grants nothing that has expired.
   */
  claim(endpointId: string, limit: number, limits?: EndpointLimits): Promise<Claimed>;
  /**
   * Ends a lease and records the attempt. `lost` means that the lease ended already, by a settlement or because
   * another process took over: nothing was changed.
   */
  settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost">;
  due(): Promise<Due>;
  /** Makes dead what waits and has expired, up to 1,000 at a time. Returns them. */
  expire(): Promise<readonly Ended[]>;

  /** Rejects with CONFIG_INVALID for a cursor of another form than its pages have. */
  find(query: DeliveryQuery): Promise<DeliveryPage>;
  get(deliveryId: string): Promise<Delivery | undefined>;
  /** The event with its routing decisions and deliveries: what `explain` reads. */
  event(eventId: string): Promise<EventRecord | undefined>;
  /**
   * Makes finished deliveries pending and due now, with attempt numbers from 1 and `replays` one higher.
   * Oldest first, without `limit` up to 10,000. What is not finished, and an unknown id, is left out. What is replayed
   * expires no more. Returns the ids.
   */
  replay(selection: ReplaySelection): Promise<readonly string[]>;
  /** Makes a pending delivery due now, in place of the retry that was planned. `by` is recorded with it. */
  sendNow(deliveryId: string, by: string): Promise<Intervened>;
  /**
   * Makes a pending delivery dead, with the reason `cancelled` and what is given. A dead one that keeps others of its
   * order key back lets them go. `by` is recorded with it.
   */
  cancel(deliveryId: string, by: string, reason?: string): Promise<Intervened>;
  /** Returns the events that were not routed to an endpoint because it was off, and have not been added for it since. */
  missed(endpointId: string, page: { readonly limit: number; readonly cursor?: string }): Promise<MissedPage>;
  /** Adds deliveries to stored events. What is known already is left out, and so is an unknown event. Returns how many. */
  add(deliveries: readonly LateDelivery[]): Promise<number>;
  /** Makes every pending delivery of an endpoint dead for a reason. Returns how many. */
  bury(endpointId: string, reason: string): Promise<number>;
  /**
   * Makes due earlier what waits at an endpoint beyond any plan, because the clock was set back since: retries, and
   * first attempts of events that were accepted in what is the future by now. Returns how many. A store without it
   * delivers them when the clock has caught up.
   */
  pullBack?(endpointId: string, times: PullBack): Promise<number>;
  counts(): Promise<readonly EndpointCounts[]>;
  /** The state of every endpoint of which any was saved. */
  states(): Promise<readonly EndpointState[]>;
  /** Changes what is given of an endpoint's state, and leaves the rest. Returns the whole. */
  saveState(endpointId: string, change: StateChange): Promise<EndpointState>;
  loadEndpoints(): Promise<readonly StoredEndpoint[]>;
  saveEndpoint(endpoint: StoredEndpoint): Promise<void>;
  /** Forgets a stored endpoint and its state. Returns whether there was one. */
  removeEndpoint(endpointId: string): Promise<boolean>;
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
