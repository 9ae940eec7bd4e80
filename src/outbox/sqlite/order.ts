/** Deliveries of the SQLite outbox that go out one after the other: which of a key may be claimed, and who waits behind whom. */
import type { Database, Statement } from "./driver.ts";

type Line = [endpointKey: number, orderKey: string];

/** What the partial index `deliveries_ordered` holds. */
const ofLine = "endpoint = ? AND order_key = ? AND (state < 2 OR holds = 1)";

export class SqliteOrder {
  /** How this process treats the dead of an endpoint; it says so with its claims. */
  readonly #blocking = new Map<number, boolean>();
  readonly #first: Readonly<Record<"busy" | "free" | "blocked" | "holding", Statement<Line, number>>>;
  readonly #exists: Statement<Line, number>;
  readonly #setBlocked: Statement<[number, number]>;
  readonly #idOf: Statement<[number], string>;
  readonly #holding: Statement<[number], string>;
  readonly #letGo: Statement<[number]>;

  constructor(database: Database) {
    const first = (condition: string): Statement<Line, number> =>
      database
        .prepare<Line, number>(
          `SELECT seq FROM deliveries WHERE ${ofLine} AND ${condition} ORDER BY seq LIMIT 1`,
        )
        .pluck();
    this.#first = {
      busy: first("state = 1"),
      free: first("state = 0 AND blocked = 0"),
      blocked: first("state = 0 AND blocked = 1"),
      holding: first("state = 3"),
    };
    this.#exists = database.prepare<Line, number>(`SELECT 1 FROM deliveries WHERE ${ofLine} LIMIT 1`).pluck();
    this.#setBlocked = database.prepare("UPDATE deliveries SET blocked = ? WHERE seq = ?");
    this.#idOf = database.prepare<[number], string>("SELECT id FROM deliveries WHERE seq = ?").pluck();
    this.#holding = database
      .prepare<[number], string>("SELECT DISTINCT order_key FROM deliveries WHERE endpoint = ? AND holds = 1")
      .pluck();
    this.#letGo = database.prepare("UPDATE deliveries SET holds = 0 WHERE endpoint = ? AND holds = 1");
  }

  /** Tells whether a delivery that is stored now would have to wait for another of its key. */
  holdsBack(endpointKey: number, orderKey: string): boolean {
    return this.#exists.get(endpointKey, orderKey) !== undefined;
  }

  /** Whether a delivery that dies keeps back the others of its key. */
  blocks(endpointKey: number): boolean {
    return this.#blocking.get(endpointKey) === true;
  }

  /** Tells whether nothing is to be done for an endpoint whose dead are treated so; undefined is an unknown endpoint. */
  isHeard(endpointKey: number | undefined, mode: "block" | "skip"): boolean {
    return endpointKey === undefined || this.#blocking.get(endpointKey) === (mode === "block");
  }

  /** Hears how the dead of an endpoint are treated. Within a transaction. */
  treatDead(endpointKey: number, mode: "block" | "skip"): void {
    const blocks = mode === "block";
    if (this.#blocking.get(endpointKey) === blocks) return;
    this.#blocking.set(endpointKey, blocks);
    if (blocks) return;
    const keys = this.#holding.all(endpointKey);
    if (keys.length > 0) this.#letGo.run(endpointKey);
    for (const orderKey of keys) this.look(endpointKey, orderKey);
  }

  /** Lets the oldest of a key go, and no other, after any of it came or changed its state. Within a transaction. */
  look(endpointKey: number, orderKey: string): void {
    const current = this.#first.free.get(endpointKey, orderKey);
    const next = this.#next(endpointKey, orderKey);
    if (current === next) return;
    if (current !== undefined) this.#setBlocked.run(1, current);
    if (next !== undefined) this.#setBlocked.run(0, next);
  }

  /** Returns the id of the delivery that must end before those that wait. */
  ahead(endpointKey: number, orderKey: string): string | undefined {
    const sequence =
      this.#first.busy.get(endpointKey, orderKey) ?? this.#head(endpointKey, orderKey)?.sequence;
    return sequence === undefined ? undefined : this.#idOf.get(sequence);
  }

  /** What was noted in a transaction that was rolled back is noted again. */
  rollback(): void {
    this.#blocking.clear();
  }

  #next(endpointKey: number, orderKey: string): number | undefined {
    if (this.#first.busy.get(endpointKey, orderKey) !== undefined) return undefined;
    const head = this.#head(endpointKey, orderKey);
    return head?.waits === true ? head.sequence : undefined;
  }

  #head(
    endpointKey: number,
    orderKey: string,
  ): { readonly sequence: number; readonly waits: boolean } | undefined {
    const none = Number.POSITIVE_INFINITY;
    const [free, blocked, holding] = (["free", "blocked", "holding"] as const).map(
      (which) => this.#first[which].get(endpointKey, orderKey) ?? none,
    ) as [number, number, number];
    const waiting = Math.min(free, blocked);
    if (waiting === none && holding === none) return undefined;
    return { sequence: Math.min(waiting, holding), waits: waiting < holding };
  }
}
