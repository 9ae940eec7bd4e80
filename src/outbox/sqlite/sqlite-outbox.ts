/** The outbox contract on one SQLite file. */
import type { WebhookError } from "../../event/errors.ts";
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import { KeptInProcess } from "../kept-in-process.ts";
import { type Logger, silentLogger } from "../../event/logger.ts";
import type {
  Claim,
  Claimed,
  Due,
  EndpointCounts,
  EventRecord,
  Outbox,
  PullBack,
  ReplaySelection,
  Settlement,
  Stored,
  Submission,
} from "../outbox.ts";
import { dueAmong } from "../due.ts";
import { replaySize, stateToReplay } from "../query.ts";
import { closed } from "../refusals.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { Ticker } from "../ticker.ts";
import { GroupCommit } from "./batch.ts";
import type { SqliteOutboxOptions } from "./options.ts";
import { looksPerLease } from "./owner.ts";
import { pruneEvents } from "./prune.ts";
import { findDeliveries, findRows } from "./search.ts";
import { stateNumbers } from "./schema.ts";
import { SqliteStore } from "./store.ts";
import type { SqliteSession } from "./store.ts";
import { upkeepRows } from "./upkeep.ts";
import type { WalkedRow } from "./walk.ts";
import { wallNow } from "../../time/timers.ts";

export class SqliteOutbox extends KeptInProcess implements Outbox {
  readonly contract = 2;
  readonly name = "sqlite";
  readonly guarantees = { durable: true, shared: true, transactional: false, clusterLimits: false };
  readonly leaseMs: number;
  readonly #maxDeliveries: number;
  readonly #now: () => number;
  readonly #logger: Logger;
  readonly #store: SqliteStore;
  readonly #batch: GroupCommit<SqliteSession>;
  readonly #every: Ticker;
  #stopLooking: (() => void) | undefined;
  #looks = 0;
  #closing: Promise<void> | undefined;

  constructor(options: SqliteOutboxOptions, every: Ticker) {
    super();
    this.leaseMs = options.leaseMs ?? 3000;
    this.#maxDeliveries = options.maxDeliveries ?? Number.POSITIVE_INFINITY;
    this.#now = options.now ?? wallNow;
    this.#logger = options.logger ?? silentLogger;
    this.#store = new SqliteStore(options.path, this.#logger);
    this.#batch = new GroupCommit(this.#store, options.groupCommitMs ?? 1);
    this.#every = every;
  }

  async put(submissions: readonly Submission[]): Promise<readonly Stored[]> {
    this.#start();
    if (submissions.length === 0) return [];
    this.#store.open().room.regain();
    return this.#batch.add((session) => this.#put(session, submissions));
  }

  putSync(submissions: readonly Submission[]): void {
    this.#start();
    this.#store.patiently(() => this.#batch.runSync((session) => this.#put(session, submissions)));
  }

  async claim(endpointId: string, limit: number): Promise<Claimed> {
    this.#start();
    const now = this.#now();
    // An empty claim costs no transaction.
    if (!this.#store.read(({ reads }) => reads.hasDue(endpointId, now))) return { claims: [] };
    const claims = await this.#batch.add(({ writes }) => writes.claim(endpointId, limit, now));
    if (claims.length === 0) await this.#giveUpLost(endpointId, now);
    return { claims };
  }

  async settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    this.#start();
    const now = this.#now();
    return this.#batch.add(({ writes }) => writes.settle(claim, settlement, attempt, now));
  }

  async due(): Promise<Due> {
    this.#start();
    const waiting = this.#store.read(({ reads }) => reads.waiting());
    for (const [endpointId, dueAt] of waiting) if (dueAt === null) void this.#recount(endpointId);
    return dueAmong(
      waiting.map(([endpointId, dueAt]) => [endpointId, dueAt ?? undefined]),
      this.#now(),
    );
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    this.#start();
    return findDeliveries(this.#store, query);
  }

  async get(deliveryId: string): Promise<Delivery | undefined> {
    this.#start();
    return this.#store.read(({ reads }) => reads.deliveryById(deliveryId));
  }

  async event(eventId: string): Promise<EventRecord | undefined> {
    this.#start();
    return this.#store.read(({ reads }) => reads.event(eventId));
  }

  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    this.#start();
    const finished = await this.#selectFinished(selection);
    if (selection.dryRun === true) return finished.map(({ id }) => id);
    const replayed = new Set<number>();
    for (let start = 0; start < finished.length; start += upkeepRows) {
      const some = finished.slice(start, start + upkeepRows).map(({ sequence }) => sequence);
      const done = await this.#batch.add(({ upkeep }) => upkeep.replay(some, this.#now()));
      for (const sequence of done) replayed.add(sequence);
    }
    return finished.filter(({ sequence }) => replayed.has(sequence)).map(({ id }) => id);
  }

  async bury(endpointId: string, reason: string): Promise<number> {
    this.#start();
    let buried = 0;
    for (;;) {
      const some = await this.#batch.add(({ upkeep }) => upkeep.bury(endpointId, reason, this.#now()));
      buried += some;
      if (some < upkeepRows) return buried;
    }
  }

  async pullBack(endpointId: string, times: PullBack): Promise<number> {
    this.#start();
    let pulled = 0;
    for (;;) {
      const some = await this.#batch.add(({ upkeep }) => upkeep.pullBack(endpointId, times));
      pulled += some;
      if (some < upkeepRows) return pulled;
    }
  }

  async counts(): Promise<readonly EndpointCounts[]> {
    this.#start();
    return this.#store.read(({ reads }) => reads.counts(this.#now()));
  }

  async prune(limits: { readonly before?: number; readonly keep?: number }): Promise<number> {
    this.#start();
    return pruneEvents(this.#store, this.#batch, limits);
  }

  /** Writes: a file that can only be read is no outbox, and one that cannot grow takes no events. */
  async ping(): Promise<void> {
    this.#start();
    this.#store.open().room.regain();
    await this.#batch.add(({ ledger, room }) => room.refusal([]) ?? ledger.touch());
  }

  close(deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#stopLooking?.();
    if (!this.#store.isOpen) return;
    await withDeadline(this.#resign(), deadlineMs, () => undefined);
    this.#batch.close(closed("SQLite"));
    this.#store.close();
  }

  /** What cannot be handed back is taken over later. */
  async #resign(): Promise<void> {
    await this.#batch.idle();
    await this.#batch.add(({ ownership }) => ownership.resign()).catch(() => undefined);
  }

  #start(): void {
    if (this.#closing !== undefined) throw closed("SQLite");
    this.#store.open();
    if (this.#stopLooking !== undefined) return;
    this.#stopLooking = this.#every(this.leaseMs / looksPerLease, () => this.#look());
    this.#look();
  }

  /** Shows a sign of life where one is needed, and takes over from the dead. Never fails: the next look is near. */
  #look(): void {
    try {
      this.#store.leaveReplacedFile();
      const { ownership, room } = this.#store.open();
      room.regain();
      const dead = this.#store.read(() => ownership.findDead());
      for (const owner of dead) void this.#maybe((session) => session.ownership.takeOver(owner));
      this.#looks += 1;
      // Every second look, so that a process that is late by one look still counts as alive.
      if (this.#looks % 2 === 0 && ownership.needsBeat()) void this.#maybe(() => undefined);
    } catch {
      // Whoever uses the outbox meets the same fault, and is told.
    }
  }

  /** Something is due, and nothing can be claimed: another process was faster, or the events are gone. */
  async #giveUpLost(endpointId: string, now: number): Promise<void> {
    const count = await this.#batch.add(({ repair }) => repair.giveUpLost(endpointId, now));
    if (count > 0)
      this.#logger.error({ endpoint: endpointId, count }, "the SQLite outbox lost the events of deliveries");
  }

  /** Deliveries were counted that are not there. */
  async #recount(endpointId: string): Promise<void> {
    const wasWrong = await this.#batch.add(({ repair }) => repair.recount(endpointId)).catch(() => false);
    if (wasWrong)
      this.#logger.error({ endpoint: endpointId }, "the SQLite outbox lost deliveries that waited");
  }

  #put(
    { writes, room }: SqliteSession,
    submissions: readonly Submission[],
  ): readonly Stored[] | WebhookError {
    return room.refusal(submissions) ?? writes.put(submissions, this.#maxDeliveries);
  }

  async #maybe(run: (session: SqliteSession) => void): Promise<void> {
    await this.#batch.add(run).catch(() => undefined);
  }

  async #selectFinished(selection: ReplaySelection): Promise<WalkedRow[]> {
    const { limit = replaySize } = selection;
    const state = stateToReplay(selection);
    if (state !== undefined) return findRows(this.#store, { ...selection, state }, "oldest first", limit);
    const rows = await findRows(this.#store, selection, "oldest first", Number.POSITIVE_INFINITY);
    return rows.filter((row) => row.state >= stateNumbers.delivered).slice(0, limit);
  }
}
