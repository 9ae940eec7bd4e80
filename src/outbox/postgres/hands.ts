/** What changes deliveries of the Postgres outbox other than an attempt: hands, time, burial and replay. */
import type { Ended, Intervened, PullBack, ReplaySelection } from "../outbox.ts";
import { replaySize, stateToReplay } from "../query.ts";
import { cancelledReason, expiredReason } from "../reasons.ts";
import { storable } from "./claims.ts";
import { conditionOf } from "./search.ts";
import type { PostgresSession, Row } from "./session.ts";

/** Deliveries that one statement changes at most, so that no lock is held for long. */
const sliceSize = 1000;

export class PostgresHands {
  readonly #session: PostgresSession;
  readonly #table: string;

  constructor(session: PostgresSession) {
    this.#session = session;
    this.#table = `${session.schema}.delivery`;
  }

  sendNow(deliveryId: string, by: string): Promise<Intervened> {
    const now = this.#session.now();
    const note = JSON.stringify({ action: "send", by, at: now });
    return this.#intervene(deliveryId, "due_at = least(due_at, $3)", "state = 0", [note, now]);
  }

  cancel(deliveryId: string, by: string, reason?: string): Promise<Intervened> {
    const now = this.#session.now();
    const note = JSON.stringify({
      action: "cancel",
      by,
      at: now,
      ...(reason === undefined ? {} : { reason }),
    });
    const change = "state = 3, due_at = $3, reason = $4, blocks = false, batch = NULL";
    const values = [note, now, storable(cancelledReason(reason))];
    return this.#intervene(deliveryId, change, "(state = 0 OR (state = 3 AND blocks))", values);
  }

  async expire(): Promise<readonly Ended[]> {
    const now = this.#session.now();
    const lane = `${this.#session.schema}.lane`;
    const text = `UPDATE ${this.#table} d SET state = 3, reason = $2, due_at = $1, batch = NULL, version = version + 1,
        blocks = d.order_key IS NOT NULL
          AND coalesce((SELECT l.block FROM ${lane} l WHERE l.endpoint_id = d.endpoint_id), false)
      WHERE d.state = 0 AND d.id = ANY (ARRAY(
        SELECT id FROM ${this.#table} WHERE state = 0 AND expires_at IS NOT NULL AND expires_at <= $1
        ORDER BY expires_at LIMIT ${sliceSize} FOR UPDATE SKIP LOCKED))
      RETURNING d.id, d.event_id, d.event_type, d.endpoint_id, d.created_at`;
    return (await this.#session.query(text, [now, expiredReason])).map(endedOf);
  }

  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    const { deliveryIds, dryRun = false, limit = replaySize } = selection;
    const state = stateToReplay(selection);
    const values: unknown[] = [limit];
    const { state: _, ...rest } = selection;
    let condition = conditionOf(state === undefined ? rest : { ...rest, state }, values);
    condition += " AND d.state IN (2, 3)";
    if (deliveryIds !== undefined) {
      values.push(deliveryIds);
      condition += ` AND d.id = ANY ($${values.length}::text[])`;
    }
    const text = `SELECT d.id FROM ${this.#table} d WHERE ${condition} ORDER BY d.created_at, d.seq LIMIT $1`;
    const chosen = (await this.#session.query(text, values, true)).map(({ id }) => id as string);
    if (dryRun) return chosen;
    const replayed = new Set<string>();
    for (let start = 0; start < chosen.length; start += sliceSize) {
      for (const id of await this.#replaySlice(chosen.slice(start, start + sliceSize))) replayed.add(id);
    }
    return chosen.filter((id) => replayed.has(id));
  }

  bury(endpointId: string, reason: string): Promise<number> {
    const change = "state = 3, reason = $2, due_at = $3, batch = NULL, blocks = false";
    return this.#inSlices(endpointId, change, "true", [storable(reason), this.#session.now()]);
  }

  pullBack(endpointId: string, { beyond, upTo = Number.MAX_SAFE_INTEGER, dueAt }: PullBack): Promise<number> {
    const condition = "due_at > $2 AND due_at <= $4 AND (again OR created_at > $2)";
    return this.#inSlices(endpointId, "due_at = $3", condition, [beyond, dueAt, upTo]);
  }

  /** Changes all that waits at an endpoint and fits, a slice at a time. */
  async #inSlices(endpointId: string, change: string, condition: string, values: unknown[]): Promise<number> {
    const text = `UPDATE ${this.#table} SET ${change}, version = version + 1
      WHERE state = 0 AND id = ANY (ARRAY(
        SELECT id FROM ${this.#table} WHERE endpoint_id = $1 AND state = 0 AND state <> 2 AND ${condition}
        LIMIT ${sliceSize} FOR UPDATE))
      RETURNING id`;
    for (let changed = 0; ; ) {
      const rows = await this.#session.query(text, [endpointId, ...values]);
      changed += rows.length;
      if (rows.length < sliceSize) return changed;
    }
  }

  async #replaySlice(ids: readonly string[]): Promise<string[]> {
    const text = `UPDATE ${this.#table} SET state = 0, due_at = $2, attempt = 1, replays = replays + 1, again = true,
        reason = NULL, batch = NULL, blocks = false, expires_at = NULL, version = version + 1
      WHERE id = ANY ($1::text[]) AND state IN (2, 3) RETURNING id`;
    const rows = await this.#session.query(text, [ids, this.#session.now()]);
    return rows.map(({ id }) => id as string);
  }

  async #intervene(id: string, change: string, condition: string, values: unknown[]): Promise<Intervened> {
    const text = `UPDATE ${this.#table} SET ${change}, version = version + 1,
        interventions = coalesce(interventions, '{}') || $2::text
      WHERE id = $1 AND ${condition} RETURNING id`;
    if ((await this.#session.query(text, [id, ...values])).length > 0) return "done";
    const [row] = await this.#session.query(`SELECT state FROM ${this.#table} WHERE id = $1`, [id], true);
    if (row === undefined) return "unknown";
    return row.state === 1 ? "under way" : "finished";
  }
}

function endedOf(row: Row): Ended {
  return {
    id: row.id as string,
    eventId: row.event_id as string,
    eventType: row.event_type as string,
    endpointId: row.endpoint_id as string,
    createdAt: row.created_at as number,
  };
}
