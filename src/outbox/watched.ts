/** The outbox of a manager: opened once, run as work of our own, and every operation told to observers. */
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import { asOwnWork } from "../event/own-work.ts";
import { countdown, withDeadline } from "../time/deadline.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { Tracing } from "../telemetry/trace-contract.ts";
import type {
  Claim,
  Claimed,
  Due,
  Ended,
  EndpointCounts,
  EndpointLimits,
  EndpointState,
  EventRecord,
  Intervened,
  LateDelivery,
  MissedPage,
  Outbox,
  PullBack,
  PutOptions,
  ReplaySelection,
  Settlement,
  StateChange,
  Stored,
  StoredEndpoint,
  Submission,
} from "./outbox.ts";
import { monotonicNow } from "../time/timers.ts";

/** What can be said of a store that is not open yet. */
const unknownGuarantees = { durable: false, shared: false, transactional: false, clusterLimits: false };

export class WatchedOutbox implements Outbox {
  readonly contract = 2;
  /** Resolves when the store is open; rejects with what is wrong about it. */
  readonly opened: Promise<void>;
  #store: Outbox | undefined;
  readonly #lifecycle: Required<Lifecycle>;
  readonly #tracing: Pick<Tracing, "suppress">;

  constructor(
    store: Outbox | Promise<Outbox>,
    lifecycle: Required<Lifecycle>,
    tracing: Pick<Tracing, "suppress">,
  ) {
    this.#lifecycle = lifecycle;
    this.#tracing = tracing;
    if (store instanceof Promise) this.opened = this.#open(store);
    else {
      this.#store = store;
      this.opened = Promise.resolve();
    }
    // Whoever needs the store hears of the failure; until then it is not an unhandled rejection.
    this.opened.catch(() => undefined);
  }

  /** Tells whether operations reach the store at once. */
  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  get name(): string {
    return this.#store?.name ?? "";
  }

  get guarantees(): Outbox["guarantees"] {
    return this.#store?.guarantees ?? unknownGuarantees;
  }

  get leaseMs(): number {
    return this.#store?.leaseMs ?? 0;
  }

  put(submissions: readonly Submission[], options?: PutOptions): Promise<readonly Stored[]> {
    return this.#timed("put", (store) => store.put(submissions, options));
  }

  /** Stores before it returns: for the last moment of a process. Undefined where the store cannot, or is not open yet. */
  get putNow(): ((submissions: readonly Submission[]) => void) | undefined {
    const store = this.#store;
    if (store?.putSync === undefined) return undefined;
    return (submissions) => this.#asOwnWork(() => store.putSync?.(submissions));
  }

  claim(endpointId: string, limit: number, limits?: EndpointLimits): Promise<Claimed> {
    return this.#timed("claim", (store) => store.claim(endpointId, limit, limits));
  }

  settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    return this.#timed("settle", (store) => store.settle(claim, settlement, attempt));
  }

  due(): Promise<Due> {
    return this.#timed("due", (store) => store.due());
  }

  expire(): Promise<readonly Ended[]> {
    return this.#timed("expire", (store) => store.expire());
  }

  find(query: DeliveryQuery): Promise<DeliveryPage> {
    return this.#timed("find", (store) => store.find(query));
  }

  get(deliveryId: string): Promise<Delivery | undefined> {
    return this.#timed("get", (store) => store.get(deliveryId));
  }

  event(eventId: string): Promise<EventRecord | undefined> {
    return this.#timed("event", (store) => store.event(eventId));
  }

  replay(selection: ReplaySelection): Promise<readonly string[]> {
    return this.#timed("replay", (store) => store.replay(selection));
  }

  sendNow(deliveryId: string, by: string): Promise<Intervened> {
    return this.#timed("send_now", (store) => store.sendNow(deliveryId, by));
  }

  cancel(deliveryId: string, by: string, reason?: string): Promise<Intervened> {
    return this.#timed("cancel", (store) => store.cancel(deliveryId, by, reason));
  }

  missed(endpointId: string, page: Parameters<Outbox["missed"]>[1]): Promise<MissedPage> {
    return this.#timed("missed", (store) => store.missed(endpointId, page));
  }

  add(deliveries: readonly LateDelivery[]): Promise<number> {
    return this.#timed("add", (store) => store.add(deliveries));
  }

  bury(endpointId: string, reason: string): Promise<number> {
    return this.#timed("bury", (store) => store.bury(endpointId, reason));
  }

  async pullBack(endpointId: string, times: PullBack): Promise<number> {
    return this.#timed("pull_back", async (store) => (await store.pullBack?.(endpointId, times)) ?? 0);
  }

  counts(): Promise<readonly EndpointCounts[]> {
    return this.#timed("counts", (store) => store.counts());
  }

  states(): Promise<readonly EndpointState[]> {
    return this.#timed("states", (store) => store.states());
  }

  saveState(endpointId: string, change: StateChange): Promise<EndpointState> {
    return this.#timed("save_state", (store) => store.saveState(endpointId, change));
  }

  loadEndpoints(): Promise<readonly StoredEndpoint[]> {
    return this.#timed("load_endpoints", (store) => store.loadEndpoints());
  }

  saveEndpoint(endpoint: StoredEndpoint): Promise<void> {
    return this.#timed("save_endpoint", (store) => store.saveEndpoint(endpoint));
  }

  removeEndpoint(endpointId: string): Promise<boolean> {
    return this.#timed("remove_endpoint", (store) => store.removeEndpoint(endpointId));
  }

  prune(limits: Parameters<Outbox["prune"]>[0]): Promise<number> {
    return this.#timed("prune", (store) => store.prune(limits));
  }

  ping(): Promise<void> {
    return this.#run((store) => store.ping());
  }

  /** A store that opens too late is closed then. */
  async close(deadlineMs?: number): Promise<void> {
    const leftMs = countdown(deadlineMs ?? Number.POSITIVE_INFINITY);
    const closed = this.opened.then(
      () => this.#asOwnWork(() => this.#store?.close(deadlineMs === undefined ? undefined : leftMs())),
      () => undefined,
    );
    await withDeadline(closed, leftMs(), () => undefined);
  }

  async #open(opening: Promise<Outbox>): Promise<void> {
    this.#store = await opening;
  }

  #run<Result>(operate: (store: Outbox) => Promise<Result>): Promise<Result> {
    const store = this.#store;
    if (store !== undefined) return this.#asOwnWork(() => operate(store));
    return this.opened.then(() => this.#run(operate));
  }

  /** What the store does becomes neither events nor spans. */
  #asOwnWork<Result>(run: () => Result): Result {
    return asOwnWork(this.#tracing.suppress, run);
  }

  #timed<Result>(operation: string, operate: (store: Outbox) => Promise<Result>): Promise<Result> {
    const startedAt = monotonicNow();
    const done = this.#run(operate);
    const used = (failure: { readonly error?: unknown } = {}): void =>
      this.#lifecycle.outboxUsed({ operation, durationMs: monotonicNow() - startedAt, ...failure });
    done.then(
      () => used(),
      // What a caller got wrong, such as a cursor, is no fault of the store.
      (error: unknown) => used(WebhookError.is(error, "CONFIG_INVALID") ? {} : { error }),
    );
    return done;
  }
}
