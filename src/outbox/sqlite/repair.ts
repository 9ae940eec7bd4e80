/** Puts right what no transaction of ours leaves behind: rows that were taken out of the SQLite outbox by something else. */
import type { Database, Statement } from "./driver.ts";
import type { Ledger } from "./ledger.ts";
import type { SqliteOrder } from "./order.ts";
import { upkeepRows } from "./upkeep.ts";

export class SqliteRepair {
  readonly #ledger: Ledger;
  readonly #count: Statement<[number, number], number>;
  readonly #giveUp: Statement<[number, number, number, number], string | null>;
  readonly #order: SqliteOrder;

  constructor(database: Database, ledger: Ledger, order: SqliteOrder) {
    this.#ledger = ledger;
    this.#order = order;
    this.#count = database
      .prepare<[number, number], number>("SELECT count(*) FROM deliveries WHERE state = ? AND endpoint = ?")
      .pluck();
    this.#giveUp = database
      .prepare<[number, number, number, number], string | null>(
        `UPDATE deliveries SET state = 3, due_at = ?, reason = 'event lost', blocked = 0, lease = lease + 1
       WHERE seq IN (SELECT d.seq FROM deliveries d WHERE d.state = 0 AND d.endpoint = ? AND d.blocked IN (0, 1) AND d.repeated IN (0, 1)
       AND d.due_at <= ? AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event) LIMIT ?)
         RETURNING order_key`,
      )
      .pluck();
  }

  /** Counts again what an endpoint has waiting and in flight. Returns whether that was otherwise. */
  recount(endpointId: string): boolean {
    const endpointKey = this.#ledger.endpointKey(endpointId);
    if (endpointKey === undefined) return false;
    const [pending = 0, delivering = 0] = [0, 1].map((state) => this.#count.get(state, endpointKey));
    return this.#ledger.correct(endpointKey, { pending, delivering });
  }

  /** Makes due deliveries dead that have no event any more. Returns how many. */
  giveUpLost(endpointId: string, now: number): number {
    const endpointKey = this.#ledger.endpointKey(endpointId);
    if (endpointKey === undefined) return 0;
    const orderKeys = this.#giveUp.all(now, endpointKey, now, upkeepRows);
    this.#ledger.count(endpointKey, "pending", "dead", orderKeys.length);
    for (const key of new Set(orderKeys)) if (key !== null) this.#order.look(endpointKey, key);
    return orderKeys.length;
  }
}
