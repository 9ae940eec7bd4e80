/** What `replay`, `bury` and `prune` do within transactions of the SQLite outbox, a bounded number of rows at a time. */
import type { Database, Statement } from "./driver.ts";
import type { PullBack } from "../outbox.ts";
import type { Position } from "../position.ts";
import type { Ledger } from "./ledger.ts";

/** Rows changed in one transaction. */
export const upkeepRows = 500;

export interface PrunableEvent extends Position {
  /** How many deliveries it had when it was stored. */
  readonly deliveries: number;
}

const stateNames = ["pending", "delivering", "delivered", "dead"] as const;

export class SqliteUpkeep {
  readonly #ledger: Ledger;
  readonly #replay: Statement<[number, number], { endpoint: number }>;
  readonly #stateOf: Statement<[number], number>;
  readonly #bury: Statement<[number, string, number, number]>;
  readonly #pullBack: Statement<[number, number, number, number, number]>;
  readonly #eventAt: Statement<[number], PrunableEvent>;
  readonly #unrouted: Statement<[number, number, number], PrunableEvent>;
  readonly #unfinishedIn: Statement<[number, number], number>;
  readonly #undeliveredIn: Statement<[number, number], number>;
  readonly #finishedIn: Statement<[number, number], { endpoint: number; state: number }>;
  readonly #deleteAttempts: Statement<[number, number]>;
  readonly #deleteContents: Statement<[number, number]>;
  readonly #deleteDeliveries: Statement<[number, number]>;
  readonly #deleteEvent: Statement<[number]>;
  readonly #finishedCount: Statement<[], number>;

  constructor(database: Database, ledger: Ledger) {
    this.#ledger = ledger;
    this.#stateOf = database.prepare<[number], number>("SELECT state FROM deliveries WHERE seq = ?").pluck();
    this.#replay = database.prepare(
      `UPDATE deliveries SET state = 0, due_at = ?, attempt = 1, repeated = 1, replays = replays + 1, reason = NULL,
       lease = lease + 1 WHERE seq = ? RETURNING endpoint`,
    );
    this.#bury = database.prepare(
      `UPDATE deliveries SET state = 3, due_at = ?, reason = ?, lease = lease + 1
       WHERE seq IN (SELECT seq FROM deliveries WHERE state = 0 AND endpoint = ? LIMIT ?)`,
    );
    this.#pullBack = database.prepare(
      `UPDATE deliveries SET due_at = ?, lease = lease + 1 WHERE seq IN (SELECT seq FROM deliveries
       WHERE state = 0 AND endpoint = ? AND repeated IN (0, 1) AND due_at > ? AND (repeated = 1 OR created_at > ?)
       LIMIT ?)`,
    );
    this.#eventAt = database.prepare(
      "SELECT seq AS sequence, created_at AS createdAt, deliveries FROM events WHERE seq = ?",
    );
    this.#unrouted = database.prepare(
      `SELECT seq AS sequence, created_at AS createdAt, deliveries FROM events
       WHERE deliveries = 0 AND (created_at, seq) > (?, ?) ORDER BY created_at, seq LIMIT ?`,
    );
    const range = "FROM deliveries WHERE seq > ? AND seq <= ?";
    this.#unfinishedIn = database
      .prepare<[number, number], number>(`SELECT count(*) ${range} AND state < 2`)
      .pluck();
    this.#undeliveredIn = database
      .prepare<[number, number], number>(`SELECT count(*) ${range} AND state <> 2`)
      .pluck();
    this.#finishedIn = database.prepare(`SELECT endpoint, state ${range}`);
    this.#deleteDeliveries = database.prepare(`DELETE ${range}`);
    this.#deleteAttempts = database.prepare("DELETE FROM attempts WHERE delivery > ? AND delivery <= ?");
    this.#deleteContents = database.prepare("DELETE FROM contents WHERE delivery > ? AND delivery <= ?");
    this.#deleteEvent = database.prepare("DELETE FROM events WHERE seq = ?");
    this.#finishedCount = database
      .prepare<[], number>(
        "SELECT unrouted + (SELECT coalesce(sum(delivered + dead), 0) FROM endpoints) FROM store",
      )
      .pluck();
  }

  /** Makes finished deliveries wait again. Returns which of them were finished. */
  replay(sequences: readonly number[], now: number): readonly number[] {
    return sequences.filter((sequence) => {
      const state = this.#stateOf.get(sequence);
      if (state !== 2 && state !== 3) return false;
      const row = this.#replay.get(now, sequence);
      if (row !== undefined) this.#ledger.count(row.endpoint, stateNames[state], "pending");
      return true;
    });
  }

  /** Returns how many it buried; fewer than `upkeepRows` when none is left. */
  bury(endpointId: string, reason: string, now: number): number {
    const endpointKey = this.#ledger.endpointKey(endpointId);
    if (endpointKey === undefined) return 0;
    const { changes } = this.#bury.run(now, reason, endpointKey, upkeepRows);
    this.#ledger.count(endpointKey, "pending", "dead", changes);
    return changes;
  }

  /** Returns how many it pulled back; fewer than `upkeepRows` when none is left. */
  pullBack(endpointId: string, { beyond, dueAt }: PullBack): number {
    const endpointKey = this.#ledger.endpointKey(endpointId);
    if (endpointKey === undefined) return 0;
    return this.#pullBack.run(dueAt, endpointKey, beyond, beyond, upkeepRows).changes;
  }

  eventAt(sequence: number): PrunableEvent | undefined {
    return this.#eventAt.get(sequence);
  }

  /** The next events that went nowhere, and where to go on if there may be more. */
  unroutedAfter({ createdAt, sequence }: Position): { events: readonly PrunableEvent[]; next?: Position } {
    const events = this.#unrouted.all(createdAt, sequence, upkeepRows);
    const next = events.at(-1);
    return next === undefined || events.length < upkeepRows ? { events } : { events, next };
  }

  /** Delivered and dead deliveries, and events that went nowhere. */
  finishedCount(): number {
    return this.#finishedCount.get() ?? 0;
  }

  /** Tells whether nothing is left to do of an event, or whether everybody has it. */
  isOver({ sequence, deliveries }: PrunableEvent, which: "finished" | "delivered"): boolean {
    const others = which === "finished" ? this.#unfinishedIn : this.#undeliveredIn;
    return others.get(sequence, sequence + deliveries) === 0;
  }

  /** Forgets events that are still finished. Returns how many deliveries they had. */
  forget(events: readonly PrunableEvent[]): number {
    let forgotten = 0;
    for (const event of events) {
      if (!this.isOver(event, "finished")) continue;
      const [first, last] = [event.sequence, event.sequence + event.deliveries];
      for (const { endpoint, state } of this.#finishedIn.all(first, last)) {
        this.#ledger.count(endpoint, stateNames[state], undefined);
      }
      this.#deleteAttempts.run(first, last);
      this.#deleteContents.run(first, last);
      this.#deleteDeliveries.run(first, last);
      if (this.#deleteEvent.run(event.sequence).changes > 0 && event.deliveries === 0)
        this.#ledger.countUnrouted(-1);
      forgotten += event.deliveries;
    }
    return forgotten;
  }
}
