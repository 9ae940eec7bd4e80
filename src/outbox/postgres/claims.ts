/** Claims of the Postgres outbox and how they end: what is settled within a moment goes out in one statement. */
import type { Attempt } from "../../event/delivery.ts";
import type { EndpointLimits } from "../../event/endpoint-state.ts";
import { byDueTime } from "../due.ts";
import type { Claim, Claimed, Settlement } from "../outbox.ts";
import { Grouped } from "./grouped.ts";
import { claimOf } from "./rows.ts";
import type { PostgresSession } from "./session.ts";

interface Ending {
  readonly claim: Claim;
  readonly settlement: Settlement;
  readonly attempt: Attempt | undefined;
}

export class PostgresClaims {
  readonly #session: PostgresSession;
  readonly #endings: Grouped<Ending, "settled" | "lost">;
  readonly #turns = new Map<string, number>();

  constructor(session: PostgresSession) {
    this.#session = session;
    this.#endings = new Grouped(
      (endings) => this.#settleAll(endings),
      ({ claim }) => claim.id,
    );
  }

  async claim(endpointId: string, limit: number, limits?: EndpointLimits): Promise<Claimed> {
    const turn = this.#turns.get(endpointId) ?? 0;
    this.#turns.set(endpointId, turn + 1);
    const { rate, concurrency, perPost = 1, order = "skip" } = limits ?? {};
    const now = this.#session.now();
    const text = `SELECT * FROM ${this.#session.schema}.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;
    const rows = await this.#session.asHolder((holder) => {
      const asked = [endpointId, limit, now, holder, turn % 2 === 1];
      const bounds = [rate?.max ?? null, rate?.perMs ?? null, concurrency ?? null, perPost];
      return this.#session.query(text, [...asked, ...bounds, limits === undefined ? null : order]);
    });
    const granted = rows
      .filter(({ id }) => id !== null)
      .map((row) => ({
        claim: claimOf(row, endpointId),
        dueAt: row.due_at as number,
        sequence: row.seq as number,
      }));
    const { wait = null, stricter = false } = rows[0] ?? {};
    return {
      claims: granted.sort(byDueTime).map(({ claim }) => claim),
      ...(wait === null ? {} : { nextAt: now + (wait as number) }),
      ...(stricter === true ? { stricter } : {}),
    };
  }

  settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    return this.#endings.add({ claim, settlement, attempt });
  }

  async #settleAll(endings: readonly Ending[]): Promise<readonly ("settled" | "lost")[]> {
    const { schema } = this.#session;
    const now = this.#session.now();
    const text = `
      UPDATE ${schema}.delivery d SET
        state = i.state,
        due_at = i.due_at,
        holder = NULL,
        version = d.version + 1,
        reason = CASE WHEN i.kind = 'release' THEN coalesce(i.reason, d.reason) ELSE i.reason END,
        batch = CASE WHEN i.kind = 'release' THEN d.batch ELSE i.batch END,
        attempt = d.attempt + CASE WHEN i.kind = 'retry' THEN 1 ELSE 0 END,
        again = d.again OR i.kind = 'retry',
        blocks = i.state = 3 AND d.order_key IS NOT NULL
          AND coalesce((SELECT l.block FROM ${schema}.lane l WHERE l.endpoint_id = d.endpoint_id), false),
        attempts = CASE WHEN i.attempt IS NULL THEN d.attempts ELSE d.attempts || i.attempt END,
        trace_id = coalesce(i.trace_id, d.trace_id),
        span_id = coalesce(i.span_id, d.span_id)
      FROM unnest($1::text[], $2::integer[], $3::text[], $4::smallint[], $5::float8[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[]) AS i(id, version, kind, state, due_at, reason, batch, attempt, trace_id, span_id)
      WHERE d.id = i.id AND d.version = i.version AND d.state = 1
      RETURNING d.id`;
    const of = <Value>(read: (ending: Ending) => Value): Value[] => endings.map(read);
    const rows = await this.#session.query(text, [
      of(({ claim }) => claim.id),
      of(({ claim }) => claim.lease),
      of(({ settlement }) => settlement.kind),
      of(({ settlement: { kind } }) => (kind === "delivered" ? 2 : kind === "dead" ? 3 : 0)),
      of(({ settlement }) => ("dueAt" in settlement ? settlement.dueAt : now)),
      of(({ settlement }) => ("reason" in settlement ? storable(settlement.reason) : null)),
      of(({ settlement }) => ("batch" in settlement ? (settlement.batch ?? null) : null)),
      of(({ attempt }) => (attempt === undefined ? null : JSON.stringify(attempt))),
      of(({ attempt }) => (attempt?.spanId === undefined ? null : (attempt.traceId ?? null))),
      of(({ attempt }) => (attempt?.traceId === undefined ? null : (attempt.spanId ?? null))),
    ]);
    const settled = new Set(rows.map(({ id }) => id));
    return endings.map(({ claim }) => (settled.has(claim.id) ? "settled" : "lost"));
  }
}

/** A text of Postgres holds no NUL. */
export function storable(text: string | undefined): string | null {
  return text?.replaceAll("\0", "\u{FFFD}") ?? null;
}
