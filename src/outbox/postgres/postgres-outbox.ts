/** The outbox contract on Postgres: each call handed to the part that does it. */
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import type {
  EndpointLimits,
  EndpointState,
  StateChange,
  StoredEndpoint,
} from "../../event/endpoint-state.ts";
import { withDeadline } from "../../time/deadline.ts";
import type * as data from "../outbox.ts";
import { PostgresClaims } from "./claims.ts";
import { PostgresEndpoints } from "./endpoints.ts";
import { PostgresHands } from "./hands.ts";
import { PostgresPruning } from "./pruning.ts";
import { PostgresSearch } from "./search.ts";
import type { PostgresSession } from "./session.ts";
import { PostgresStoring } from "./storing.ts";

const postgresGuarantees = { durable: true, shared: true, transactional: true, clusterLimits: true };

export class PostgresOutbox implements data.Outbox {
  readonly contract = 2;
  readonly name = "postgres";
  /** Durable as far as the server's `synchronous_commit` and `fsync` go. */
  readonly guarantees = postgresGuarantees;
  readonly leaseMs: number;
  readonly #session: PostgresSession;
  readonly #storing: PostgresStoring;
  readonly #claims: PostgresClaims;
  readonly #search: PostgresSearch;
  readonly #hands: PostgresHands;
  readonly #pruning: PostgresPruning;
  readonly #endpoints: PostgresEndpoints;

  constructor(session: PostgresSession, maxDeliveries?: number) {
    this.#session = session;
    this.leaseMs = session.leaseMs;
    this.#storing = new PostgresStoring(session, maxDeliveries);
    this.#claims = new PostgresClaims(session);
    this.#search = new PostgresSearch(session);
    this.#hands = new PostgresHands(session);
    this.#pruning = new PostgresPruning(session);
    this.#endpoints = new PostgresEndpoints(session);
  }

  put(
    submissions: readonly data.Submission[],
    { transaction }: data.PutOptions = {},
  ): Promise<readonly data.Stored[]> {
    return transaction === undefined
      ? this.#storing.put(submissions)
      : this.#storing.putInto(transaction, submissions);
  }

  claim(endpointId: string, limit: number, limits?: EndpointLimits): Promise<data.Claimed> {
    return this.#claims.claim(endpointId, limit, limits);
  }

  settle(claim: data.Claim, settlement: data.Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    return this.#claims.settle(claim, settlement, attempt);
  }

  due(): Promise<data.Due> {
    return this.#search.due();
  }

  expire(): Promise<readonly data.Ended[]> {
    return this.#hands.expire();
  }

  find(query: DeliveryQuery): Promise<DeliveryPage> {
    return this.#search.find(query);
  }

  get(deliveryId: string): Promise<Delivery | undefined> {
    return this.#search.get(deliveryId);
  }

  event(eventId: string): Promise<data.EventRecord | undefined> {
    return this.#search.event(eventId);
  }

  replay(selection: data.ReplaySelection): Promise<readonly string[]> {
    return this.#hands.replay(selection);
  }

  sendNow(deliveryId: string, by: string): Promise<data.Intervened> {
    return this.#hands.sendNow(deliveryId, by);
  }

  cancel(deliveryId: string, by: string, reason?: string): Promise<data.Intervened> {
    return this.#hands.cancel(deliveryId, by, reason);
  }

  missed(
    endpointId: string,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<data.MissedPage> {
    return this.#search.missed(endpointId, page);
  }

  add(deliveries: readonly data.LateDelivery[]): Promise<number> {
    return this.#storing.add(deliveries);
  }

  bury(endpointId: string, reason: string): Promise<number> {
    return this.#hands.bury(endpointId, reason);
  }

  pullBack(endpointId: string, times: data.PullBack): Promise<number> {
    return this.#hands.pullBack(endpointId, times);
  }

  counts(): Promise<readonly data.EndpointCounts[]> {
    return this.#search.counts();
  }

  states(): Promise<readonly EndpointState[]> {
    return this.#endpoints.states();
  }

  saveState(endpointId: string, change: StateChange): Promise<EndpointState> {
    return this.#endpoints.saveState(endpointId, change);
  }

  loadEndpoints(): Promise<readonly StoredEndpoint[]> {
    return this.#endpoints.load();
  }

  saveEndpoint(endpoint: StoredEndpoint): Promise<void> {
    return this.#endpoints.save(endpoint);
  }

  removeEndpoint(endpointId: string): Promise<boolean> {
    return this.#endpoints.remove(endpointId);
  }

  prune(limits: { readonly before?: number; readonly keep?: number }): Promise<number> {
    return this.#pruning.prune(limits);
  }

  /** Writes, because a standby and a full disk answer what only reads. */
  async ping(): Promise<void> {
    await this.#session.query(`UPDATE ${this.#session.schema}.outbox_meta SET version = version`);
  }

  async close(deadlineMs = 5000): Promise<void> {
    await withDeadline(this.#session.close(), deadlineMs, () => undefined);
  }
}
