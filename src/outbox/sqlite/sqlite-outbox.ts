/** The outbox contract on one SQLite file. */
import type { WebhookError } from "../../event/errors.ts";
import type { Attempt, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import { type Logger, silentLogger } from "../../event/logger.ts";
import type {
  Claim,
  Claimed,
  Due,
  EndpointLimits,
  PutOptions,
  Outbox,
  PullBack,
  ReplaySelection,
  Settlement,
  Stored,
  Submission,
} from "../outbox.ts";
import { dueAmong } from "../due.ts";
import { replaySize, stateToReplay } from "../query.ts";
import { closed, noTransactions } from "../refusals.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { Ticker } from "../ticker.ts";
import { GroupCommit } from "./batch.ts";
import { sqliteGuarantees, type SqliteOutboxOptions } from "./options.ts";
import { looksPerLease } from "./owner.ts";
import { pruneEvents } from "./prune.ts";
import { findDeliveries, findRows } from "./search.ts";
import { stateNumbers } from "./schema.ts";
import { SqliteKeeping } from "./keeping.ts";
import { SqliteStore } from "./store.ts";
import type { SqliteSession } from "./store.ts";
import { upkeepRows } from "./upkeep.ts";
import type { WalkedRow } from "./walk.ts";
import { wallNow } from "../../time/timers.ts";

export class SqliteOutbox extends SqliteKeeping implements Outbox {
  readonly contract = 2;
  readonly name = "sqlite";
  readonly guarantees = sqliteGuarantees;
  readonly leaseMs: number;
  protected readonly maxDeliveries: number;
  protected readonly now: () => number;
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
    this.maxDeliveries = options.maxDeliveries ?? Number.POSITIVE_INFINITY;
    this.now = options.now ?? wallNow;
    this.#logger = options.logger ?? silentLogger;
    this.#store = new SqliteStore(options.path, this.#logger);
    this.#batch = new GroupCommit(this.#store, options.groupCommitMs ?? 1);
    this.#every = every;
  }

  async put(submissions: readonly Submission[], options?: PutOptions): Promise<readonly Stored[]> {
    this.#start();
    if (options?.transaction !== undefined) throw noTransactions("SQLite");
    if (submissions.length === 0) return [];
    this.#store.open().room.regain();
    return this.#batch.add((session) => this.#put(session, submissions));
  }

  putSync(submissions: readonly Submission[]): void {
    this.#start();
    this.#store.patiently(() => this.#batch.runSync((session) => this.#put(session, submissions)));
  }

  async claim(endpointId: string, limit: number, limits?: EndpointLimits): Promise<Claimed> {
    const now = this.now();
    const mode = limits?.order ?? "skip";
    // An empty claim costs no transaction.
    const isEmpty = this.read(
      ({ reads, order }) =>
        !reads.hasDue(endpointId, now) && order.isHeard(reads.endpointKey(endpointId), mode),
    );
    if (isEmpty) return { claims: [] };
    const claimed = await this.write(({ claims }) => claims.claim(endpointId, limit, now, limits));
    if (claimed.claims.length === 0 && claimed.nextAt === undefined) await this.#giveUpLost(endpointId, now);
    return claimed;
  }

  async settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    this.#start();
    const now = this.now();
    return this.#batch.add(({ writes }) => writes.settle(claim, settlement, attempt, now));
  }

  async due(): Promise<Due> {
    const { waiting, expiresAt, version } = this.read(({ reads, shelf }) => {
      return { waiting: reads.waiting(), expiresAt: reads.nextExpiry(), version: shelf.version() };
    });
    for (const [endpointId, dueAt, behind] of waiting) {
      if (dueAt === null && behind === 0) void this.#recount(endpointId);
    }
    const earliest = waiting.map(([endpointId, dueAt]) => [endpointId, dueAt ?? undefined] as const);
    return {
      ...dueAmong(earliest, this.now()),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(version === 0 ? {} : { version }),
    };
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    this.#start();
    return findDeliveries(this.#store, query);
  }

  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    this.#start();
    const finished = await this.#selectFinished(selection);
    if (selection.dryRun === true) return finished.map(({ id }) => id);
    const replayed = new Set<number>();
    for (let start = 0; start < finished.length; start += upkeepRows) {
      const some = finished.slice(start, start + upkeepRows).map(({ sequence }) => sequence);
      const done = await this.#batch.add(({ upkeep }) => upkeep.replay(some, this.now()));
      for (const sequence of done) replayed.add(sequence);
    }
    return finished.filter(({ sequence }) => replayed.has(sequence)).map(({ id }) => id);
  }

  async bury(endpointId: string, reason: string): Promise<number> {
    this.#start();
    let buried = 0;
    for (;;) {
      const some = await this.#batch.add(({ upkeep }) => upkeep.bury(endpointId, reason, this.now()));
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

  protected read<Result>(run: (session: SqliteSession) => Result): Result {
    this.#start();
    return this.#store.read(run);
  }

  protected async write<Result>(run: (session: SqliteSession) => Result | WebhookError): Promise<Result> {
    this.#start();
    return this.#batch.add(run);
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
    return room.refusal(submissions) ?? writes.put(submissions, this.maxDeliveries, this.now());
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
