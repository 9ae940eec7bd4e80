/** What `claim` does within a transaction of the SQLite outbox. */
import type { Database, Statement } from "./driver.ts";
import type { EndpointLimits } from "../../event/endpoint-state.ts";
import { byDueTime, shareOfFirstAttempts } from "../due.ts";
import type { Claim, Claimed } from "../outbox.ts";
import { claimOf, type ClaimRow, selectDue } from "./claim.ts";
import type { SqliteGrants } from "./grants.ts";
import type { Ledger } from "./ledger.ts";
import type { Ownership } from "./owner.ts";

export interface ClaimsParts {
  readonly ledger: Ledger;
  readonly ownership: Ownership;
  readonly grants: SqliteGrants;
}

export class SqliteClaims {
  readonly #parts: ClaimsParts;
  readonly #turns = new Map<number, number>();
  readonly #selectDue: Statement<[number, number, number, number, number], ClaimRow>;
  readonly #lease: Statement<[number, number]>;
  readonly #lastSpan: Statement<[number], { traceId: string; spanId: string }>;

  constructor(database: Database, parts: ClaimsParts) {
    this.#parts = parts;
    this.#selectDue = database.prepare(selectDue);
    this.#lease = database.prepare(
      "UPDATE deliveries SET state = 1, owner = ?, lease = lease + 1 WHERE seq = ?",
    );
    this.#lastSpan = database.prepare(
      `SELECT trace_id AS traceId, span_id AS spanId FROM attempts
       WHERE delivery = ? AND trace_id IS NOT NULL AND span_id IS NOT NULL ORDER BY replay DESC, number DESC LIMIT 1`,
    );
  }

  claim(endpointId: string, wanted: number, now: number, limits?: EndpointLimits): Claimed {
    const { ledger, grants } = this.#parts;
    const endpointKey = ledger.endpointKey(endpointId);
    if (endpointKey === undefined) return { claims: [] };
    grants.treatDead(endpointKey, limits);
    if (limits === undefined) return { claims: this.#claim(endpointId, endpointKey, wanted, now) };
    const room = grants.room(endpointKey, limits, wanted, now);
    const claims = this.#claim(endpointId, endpointKey, room.deliveries, now);
    grants.granted(endpointKey, room, claims.length, now);
    const isMore =
      room.nextAt !== undefined && [0, 1].some((repeated) => this.#anyDue(endpointKey, repeated, now));
    return {
      claims,
      ...(isMore ? { nextAt: room.nextAt } : {}),
      ...(room.stricter ? { stricter: true } : {}),
    };
  }

  #claim(endpointId: string, endpointKey: number, limit: number, now: number): readonly Claim[] {
    if (limit <= 0) return [];
    const { ledger, ownership } = this.#parts;
    const turn = this.#turns.get(endpointKey) ?? 0;
    this.#turns.set(endpointKey, turn + 1);
    const share = shareOfFirstAttempts(limit, turn);
    const retries = this.#selectDue.all(endpointKey, 1, now, now, limit);
    const first = this.#selectDue.all(endpointKey, 0, now, now, Math.max(share, limit - retries.length));
    const rows = [...first, ...retries.slice(0, limit - first.length)];
    if (rows.length === 0) return [];
    const owner = ownership.claimant();
    ledger.count(endpointKey, "pending", "delivering", rows.length);
    rows.sort(byDueTime);
    return rows.map((row) => {
      this.#lease.run(owner, row.sequence);
      const previous = row.attempt > 1 || row.replays > 0 ? this.#lastSpan.get(row.sequence) : undefined;
      return claimOf(row, endpointId, endpointKey, previous);
    });
  }

  #anyDue(endpointKey: number, repeated: number, now: number): boolean {
    return this.#selectDue.get(endpointKey, repeated, now, now, 1) !== undefined;
  }
}
