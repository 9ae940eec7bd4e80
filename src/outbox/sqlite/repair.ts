/** Puts right what no transaction of ours leaves behind: rows that were taken out of the SQLite outbox by something else. */
import type { Database, Statement } from "./driver.ts";
import type { Ledger } from "./ledger.ts";
import { upkeepRows } from "./upkeep.ts";

export class SqliteRepair {
  readonly #ledger: Ledger;
  readonly #count: Statement<[number, number], number>;
  readonly #giveUp: Statement<[number, number, number, number]>;

  constructor(database: Database, ledger: Ledger) {
    this.#ledger = ledger;
    this.#count = database
      .prepare<[number, number], number>("SELECT count(*) FROM deliveries WHERE state = ? AND endpoint = ?")
      .pluck();
    this.#giveUp = database.prepare(
      `UPDATE deliveries SET state = 3, due_at = ?, reason = 'event lost', lease = lease + 1
       WHERE seq IN (SELECT d.seq FROM deliveries d WHERE d.state = 0 AND d.endpoint = ? AND d.repeated IN (0, 1)
       AND d.due_at <= ? AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event) LIMIT ?)`,
    );
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
    const { changes } = this.#giveUp.run(now, endpointKey, now, upkeepRows);
    this.#ledger.count(endpointKey, "pending", "dead", changes);
    return changes;
  }
}
