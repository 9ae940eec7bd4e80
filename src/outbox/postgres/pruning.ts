/** Forgetting finished events of the Postgres outbox, a slice at a time: no lock is held for long. */
import type { PostgresSession } from "./session.ts";

const sliceSize = 500;

interface Finished {
  readonly id: string;
  readonly createdAt: number;
  readonly deliveries: number;
}

export class PostgresPruning {
  readonly #session: PostgresSession;

  constructor(session: PostgresSession) {
    this.#session = session;
  }

  async prune({
    before = Number.NEGATIVE_INFINITY,
    keep,
  }: {
    readonly before?: number;
    readonly keep?: number;
  }): Promise<number> {
    let excess = keep === undefined ? 0 : (await this.#finishedCount()) - keep;
    let forgotten = 0;
    let last: Finished | undefined;
    for (;;) {
      const slice = await this.#oldest(last, excess > 0 ? Number.POSITIVE_INFINITY : before);
      const chosen: string[] = [];
      for (const event of slice) {
        if (event.createdAt >= before && excess <= 0) break;
        excess -= Math.max(1, event.deliveries);
        chosen.push(event.id);
      }
      if (chosen.length > 0) forgotten += await this.#forget(chosen);
      if (chosen.length < sliceSize) return forgotten;
      last = slice.at(-1);
    }
  }

  async #finishedCount(): Promise<number> {
    const { schema } = this.#session;
    const text = `SELECT (SELECT count(*) FROM ${schema}.delivery WHERE state IN (2, 3))::float8
      + (SELECT count(*) FROM ${schema}.event e
          WHERE NOT EXISTS (SELECT 1 FROM ${schema}.delivery d WHERE d.event_id = e.id))::float8 AS finished`;
    const [row] = await this.#session.query(text, [], true);
    return row?.finished as number;
  }

  /** Events with nothing left to do, oldest first, behind the last of the slice before. */
  async #oldest(last: Finished | undefined, before: number): Promise<readonly Finished[]> {
    const { schema } = this.#session;
    const text = `SELECT e.id, e.created_at,
        (SELECT count(*) FROM ${schema}.delivery d WHERE d.event_id = e.id)::float8 AS deliveries
      FROM ${schema}.event e
      WHERE e.created_at < $1 AND (e.created_at, e.id) > ($2::float8, $3::text COLLATE "C")
        AND NOT EXISTS (SELECT 1 FROM ${schema}.delivery d WHERE d.event_id = e.id AND d.state IN (0, 1))
      ORDER BY e.created_at, e.id LIMIT ${sliceSize}`;
    const values = [before, last?.createdAt ?? Number.NEGATIVE_INFINITY, last?.id ?? ""];
    const rows = await this.#session.query(text, values, true);
    return rows.map((row) => ({
      id: row.id as string,
      createdAt: row.created_at as number,
      deliveries: row.deliveries as number,
    }));
  }

  /** What was replayed or added meanwhile keeps its event. */
  #forget(ids: readonly string[]): Promise<number> {
    const { schema } = this.#session;
    return this.#session.transaction(async (client) => {
      await client.query(`SELECT 1 FROM ${schema}.event WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE`, [
        ids,
      ]);
      const waiting = `SELECT event_id FROM ${schema}.delivery WHERE event_id = ANY ($1::text[]) AND state IN (0, 1)`;
      const { rows } = await client.query<{ event_id: string }>(waiting, [ids]);
      const kept = new Set(rows.map((row) => row.event_id));
      const gone = ids.filter((id) => !kept.has(id));
      const deliveries = `DELETE FROM ${schema}.delivery WHERE event_id = ANY ($1::text[]) AND state IN (2, 3)`;
      const { rowCount } = await client.query(deliveries, [gone]);
      await client.query(`DELETE FROM ${schema}.missed WHERE event_id = ANY ($1::text[])`, [gone]);
      const events = `DELETE FROM ${schema}.event e WHERE e.id = ANY ($1::text[])
        AND NOT EXISTS (SELECT 1 FROM ${schema}.delivery d WHERE d.event_id = e.id)`;
      await client.query(events, [gone]);
      return rowCount ?? 0;
    });
  }
}
