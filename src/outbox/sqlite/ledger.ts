/** The totals a transaction changes: the next sequence number and the counts per endpoint, written once at its end. */
import type { Database, Statement } from "./driver.ts";
import type { DeliveryState } from "../../event/delivery.ts";

type Counts = Record<DeliveryState, number>;

export class Ledger {
  /** Known to this transaction only: between two, another process may forget an endpoint. */
  readonly #endpointKeys = new Map<string, number>();
  readonly #changes = new Map<number, Counts>();
  readonly #readStore: Statement<[], { nextSeq: number; unrouted: number }>;
  readonly #writeStore: Statement<[number, number]>;
  readonly #findEndpoint: Statement<[string], number>;
  readonly #addEndpoint: Statement<[string]>;
  readonly #addCounts: Statement<[number, number, number, number, number]>;
  readonly #sumUnfinished: Statement<[], number>;
  readonly #countsOf: Statement<[number], Counts>;
  readonly #idleEndpoints: Statement<[], number>;
  readonly #deleteEndpoint: Statement<[number]>;
  readonly #countDelivering: Statement<[number], number>;
  #store: { nextSeq: number; unrouted: number } | undefined;

  constructor(database: Database) {
    this.#readStore = database.prepare("SELECT next_seq AS nextSeq, unrouted FROM store");
    this.#writeStore = database.prepare("UPDATE store SET next_seq = ?, unrouted = ?");
    this.#findEndpoint = database.prepare<[string], number>("SELECT key FROM endpoints WHERE id = ?").pluck();
    this.#addEndpoint = database.prepare("INSERT INTO endpoints (id) VALUES (?)");
    this.#addCounts = database.prepare(
      `UPDATE endpoints SET pending = pending + ?, delivering = delivering + ?, delivered = delivered + ?,
       dead = dead + ? WHERE key = ?`,
    );
    this.#countDelivering = database
      .prepare<[number], number>("SELECT delivering FROM endpoints WHERE key = ?")
      .pluck();
    this.#sumUnfinished = database
      .prepare<[], number>("SELECT coalesce(sum(pending + delivering + dead), 0) FROM endpoints")
      .pluck();
    this.#countsOf = database.prepare(
      "SELECT pending, delivering, delivered, dead FROM endpoints WHERE key = ?",
    );
    this.#idleEndpoints = database
      .prepare<[], number>(
        `SELECT key FROM endpoints WHERE pending = 0 AND delivering = 0 AND delivered = 0 AND dead = 0
         AND key < (SELECT max(key) FROM endpoints)`,
      )
      .pluck();
    this.#deleteEndpoint = database.prepare("DELETE FROM endpoints WHERE key = ?");
  }

  /** Numbers follow each other and are never given again. */
  get nextNumber(): number {
    return this.#openStore().nextSeq;
  }

  takeNumbers(count: number): void {
    this.#openStore().nextSeq += count;
  }

  endpointKey(endpointId: string): number | undefined {
    const known = this.#endpointKeys.get(endpointId);
    if (known !== undefined) return known;
    const key = this.#findEndpoint.get(endpointId);
    if (key !== undefined) this.#endpointKeys.set(endpointId, key);
    return key;
  }

  createEndpointKey(endpointId: string): number {
    let key = this.endpointKey(endpointId);
    if (key === undefined) {
      key = Number(this.#addEndpoint.run(endpointId).lastInsertRowid);
      this.#endpointKeys.set(endpointId, key);
    }
    return key;
  }

  /** Notes that deliveries of an endpoint left one state, or nothing, for another, or for nothing. */
  count(
    endpointKey: number,
    from: DeliveryState | undefined,
    to: DeliveryState | undefined,
    deliveries = 1,
  ): void {
    const changes = this.#changesOf(endpointKey);
    if (from !== undefined) changes[from] -= deliveries;
    if (to !== undefined) changes[to] += deliveries;
  }

  /** Sets how many deliveries of an endpoint wait and are in flight. Returns whether that was otherwise. */
  correct(endpointKey: number, counted: Pick<Counts, "pending" | "delivering">): boolean {
    const written = this.#countsOf.get(endpointKey);
    if (written === undefined) return false;
    const changes = this.#changesOf(endpointKey);
    let isCorrected = false;
    for (const state of ["pending", "delivering"] as const) {
      isCorrected ||= written[state] + changes[state] !== counted[state];
      changes[state] = counted[state] - written[state];
    }
    return isCorrected;
  }

  get hasIdleEndpoints(): boolean {
    return this.#idleEndpoints.get() !== undefined;
  }

  /** Forgets endpoints without deliveries. The newest stays: its key is the highest, and none is ever given twice. */
  forgetIdleEndpoints(): void {
    for (const key of this.#idleEndpoints.all()) {
      if (!this.#changes.has(key)) this.#deleteEndpoint.run(key);
    }
    this.#endpointKeys.clear();
  }

  /** Writes what is there already: a store that cannot be written says so. */
  touch(): void {
    this.#openStore();
  }

  countUnrouted(events: number): void {
    this.#openStore().unrouted += events;
  }

  /** Claims held of an endpoint, with what this transaction changed. */
  delivering(endpointKey: number): number {
    const changed = this.#changes.get(endpointKey)?.delivering ?? 0;
    return (this.#countDelivering.get(endpointKey) ?? 0) + changed;
  }

  /** Pending, claimed and dead deliveries, with what this transaction changed. Counts endpoints, not deliveries. */
  unfinished(): number {
    let sum = this.#sumUnfinished.get() ?? 0;
    for (const { pending, delivering, dead } of this.#changes.values()) sum += pending + delivering + dead;
    return sum;
  }

  /** Writes the totals; the last statement before the commit. */
  write(): void {
    if (this.#store !== undefined) this.#writeStore.run(this.#store.nextSeq, this.#store.unrouted);
    for (const [key, { pending, delivering, delivered, dead }] of this.#changes) {
      this.#addCounts.run(pending, delivering, delivered, dead, key);
    }
    this.forget();
  }

  /** Forgets what was noted: it is written, or the transaction was rolled back. */
  forget(): void {
    this.#store = undefined;
    this.#changes.clear();
    this.#endpointKeys.clear();
  }

  #changesOf(endpointKey: number): Counts {
    let changes = this.#changes.get(endpointKey);
    if (changes === undefined) {
      changes = { pending: 0, delivering: 0, delivered: 0, dead: 0 };
      this.#changes.set(endpointKey, changes);
    }
    return changes;
  }

  #openStore(): { nextSeq: number; unrouted: number } {
    this.#store ??= this.#readStore.get();
    if (this.#store === undefined) throw new Error("the store table has no row");
    return this.#store;
  }
}
