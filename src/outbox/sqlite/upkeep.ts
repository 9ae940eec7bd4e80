/** What `replay`, `bury` and `prune` do within transactions of the SQLite outbox, a bounded number of rows at a time. */
import type { Database, Statement } from "./driver.ts";
import type { PullBack } from "../outbox.ts";
import type { Position } from "../position.ts";
import type { SqliteDecisions } from "./decisions.ts";
import type { Ledger } from "./ledger.ts";
import type { SqliteOrder } from "./order.ts";

/** Rows changed in one transaction. */
export const upkeepRows = 500;

export interface PrunableEvent extends Position {
  /** How many deliveries it had when it was stored. */
  readonly deliveries: number;
}

const stateNames = ["pending", "delivering", "delivered", "dead"] as const;

interface UpkeepParts {
  readonly ledger: Ledger;
  readonly order: SqliteOrder;
  readonly decisions: SqliteDecisions;
}

interface FinishedRow {
  readonly sequence: number;
  readonly endpoint: number;
  readonly state: number;
  readonly orderKey: string | null;
  readonly holds: number;
}

export class SqliteUpkeep {
  readonly #order: SqliteOrder;
  readonly #decisions: SqliteDecisions;
  readonly #ledger: Ledger;
  readonly #replay: Statement<[number, number], { endpoint: number; orderKey: string | null }>;
  readonly #stateOf: Statement<[number], number>;
  readonly #bury: Statement<[number, string, number, number]>;
  readonly #pullBack: Statement<[number, number, number, number, number, number]>;
  readonly #eventAt: Statement<[number], PrunableEvent>;
  readonly #unrouted: Statement<[number, number, number], PrunableEvent>;
  readonly #unfinishedIn: Statement<[number, number, number], number>;
  readonly #undeliveredIn: Statement<[number, number, number], number>;
  readonly #finishedIn: Statement<[number, number, number], FinishedRow>;
  readonly #deletions: readonly Statement<[number]>[];
  readonly #deleteEvent: Statement<[number]>;
  readonly #finishedCount: Statement<[], number>;

  constructor(database: Database, { ledger, order, decisions }: UpkeepParts) {
    this.#ledger = ledger;
    this.#order = order;
    this.#decisions = decisions;
    this.#stateOf = database.prepare<[number], number>("SELECT state FROM deliveries WHERE seq = ?").pluck();
    this.#replay = database.prepare(
      `UPDATE deliveries SET state = 0, due_at = ?, attempt = 1, repeated = 1, replays = replays + 1, reason = NULL,
       expires_at = NULL, holds = 0, blocked = order_key IS NOT NULL, lease = lease + 1 WHERE seq = ?
       RETURNING endpoint, order_key AS orderKey`,
    );
    this.#bury = database.prepare(
      `UPDATE deliveries SET state = 3, due_at = ?, reason = ?, blocked = 0, lease = lease + 1
       WHERE seq IN (SELECT seq FROM deliveries WHERE state = 0 AND endpoint = ? LIMIT ?)`,
    );
    this.#pullBack = database.prepare(
      `UPDATE deliveries SET due_at = ?, lease = lease + 1 WHERE seq IN (SELECT seq FROM deliveries
       WHERE state = 0 AND endpoint = ? AND blocked IN (0, 1) AND repeated IN (0, 1) AND due_at > ? AND due_at <= ?
       AND (repeated = 1 OR created_at > ?)
       LIMIT ?)`,
    );
    this.#eventAt = database.prepare(
      "SELECT seq AS sequence, created_at AS createdAt, deliveries FROM events WHERE seq = ?",
    );
    this.#unrouted = database.prepare(
      `SELECT seq AS sequence, created_at AS createdAt, deliveries FROM events
       WHERE deliveries = 0 AND (created_at, seq) > (?, ?) ORDER BY created_at, seq LIMIT ?`,
    );
    const ofEvent = "seq > ? AND seq <= ? UNION ALL SELECT %s FROM deliveries WHERE event = ? AND late = 1";
    const countOf = (condition: string): Statement<[number, number, number], number> =>
      database
        .prepare<[number, number, number], number>(
          `SELECT count(*) FROM (SELECT state FROM deliveries WHERE ${ofEvent.replace("%s", "state")})
           WHERE ${condition}`,
        )
        .pluck();
    this.#unfinishedIn = countOf("state < 2");
    this.#undeliveredIn = countOf("state <> 2");
    const finished = "seq AS sequence, endpoint, state, order_key AS orderKey, holds";
    this.#finishedIn = database.prepare(
      `SELECT ${finished} FROM deliveries WHERE ${ofEvent.replace("%s", finished)}`,
    );
    this.#deletions = [
      "attempts WHERE delivery",
      "contents WHERE delivery",
      "interventions WHERE delivery",
      "deliveries WHERE seq",
    ].map((rows) => database.prepare(`DELETE FROM ${rows} = ?`));
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
      if (row === undefined) return true;
      this.#ledger.count(row.endpoint, stateNames[state], "pending");
      if (row.orderKey !== null) this.#order.look(row.endpoint, row.orderKey);
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
  pullBack(endpointId: string, { beyond, upTo = Number.MAX_SAFE_INTEGER, dueAt }: PullBack): number {
    const endpointKey = this.#ledger.endpointKey(endpointId);
    if (endpointKey === undefined) return 0;
    return this.#pullBack.run(dueAt, endpointKey, beyond, upTo, beyond, upkeepRows).changes;
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
    return others.get(sequence, sequence + deliveries, sequence) === 0;
  }

  /** Forgets events that are still finished. Returns how many deliveries they had. */
  forget(events: readonly PrunableEvent[]): number {
    let forgotten = 0;
    for (const event of events) {
      if (!this.isOver(event, "finished")) continue;
      const { sequence: number, deliveries } = event;
      const rows = this.#finishedIn.all(number, number + deliveries, number);
      for (const { sequence, endpoint, state } of rows) {
        this.#ledger.count(endpoint, stateNames[state], undefined);
        for (const deletion of this.#deletions) deletion.run(sequence);
      }
      for (const { endpoint, orderKey, holds } of rows) {
        if (holds === 1 && orderKey !== null) this.#order.look(endpoint, orderKey);
      }
      if (this.#deleteEvent.run(number).changes > 0 && rows.length === 0) this.#ledger.countUnrouted(-1);
      forgotten += rows.length;
    }
    this.#decisions.forgetOld();
    return forgotten;
  }
}
