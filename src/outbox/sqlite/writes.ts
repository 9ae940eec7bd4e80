/** What `put`, `claim` and `settle` do within a transaction of the SQLite outbox: the hot path. */
import type { Database, Statement } from "./driver.ts";
import type { Attempt } from "../../event/delivery.ts";
import type { WebhookError } from "../../event/errors.ts";
import { byDueTime, shareOfFirstAttempts } from "../due.ts";
import type { Claim, NewDelivery, OutboxEvent, Settlement, Stored, Submission } from "../outbox.ts";
import { full } from "../refusals.ts";
import { claimOf, selectDue } from "./claim.ts";
import type { ClaimRow, Lease } from "./claim.ts";
import type { Ledger } from "./ledger.ts";
import type { Ownership } from "./owner.ts";
import { stateNumbers } from "./schema.ts";

type Text = string | null;

export class SqliteWrites {
  readonly #ledger: Ledger;
  readonly #ownership: Ownership;
  readonly #turns = new Map<string, number>();
  readonly #insertEvent: Statement<
    [number, string, string, string, number, number, Text, Text, string, string, Buffer]
  >;
  readonly #insertDelivery: Statement<
    [number, string, number, number, number, number, number, number, number | null, string]
  >;
  readonly #insertContent: Statement<[number, string, Buffer]>;
  readonly #insertAttempt: Statement<
    [number, number, number, number, number, string, number | null, Text, Text, Text]
  >;
  readonly #correctDeliveries: Statement<[number, number]>;
  readonly #hasEvent: Statement<[string], number>;
  readonly #selectDue: Statement<[number, number, number, number], ClaimRow>;
  readonly #lease: Statement<[number, number]>;
  readonly #finish: Statement<[number, number, Text, number, string, number]>;
  readonly #wait: Statement<[number, number, number, Text, Text, number, string, number]>;
  readonly #lastSpan: Statement<[number], { traceId: string; spanId: string }>;

  constructor(database: Database, ledger: Ledger, ownership: Ownership) {
    this.#ledger = ledger;
    this.#ownership = ownership;
    this.#insertEvent = database.prepare(
      "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    );
    this.#correctDeliveries = database.prepare("UPDATE events SET deliveries = ? WHERE seq = ?");
    this.#insertDelivery = database.prepare(
      `INSERT INTO deliveries (seq, id, event, endpoint, created_at, state, repeated, due_at, attempt, replays, lease,
       owner, type) VALUES (?, ?, ?, ?, ?, ?, 0, ?, 1, 0, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#insertContent = database.prepare("INSERT INTO contents VALUES (?, ?, ?)");
    this.#insertAttempt = database.prepare(
      "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#hasEvent = database.prepare<[string], number>("SELECT 1 FROM events WHERE id = ?").pluck();
    this.#selectDue = database.prepare(selectDue);
    this.#lease = database.prepare(
      "UPDATE deliveries SET state = 1, owner = ?, lease = lease + 1 WHERE seq = ?",
    );
    this.#finish = database.prepare(
      `UPDATE deliveries SET state = ?, due_at = ?, reason = ?, batch = NULL, owner = NULL, lease = lease + 1
       WHERE seq = ? AND id = ? AND state = 1 AND lease = ?`,
    );
    this.#wait = database.prepare(
      `UPDATE deliveries SET state = 0, due_at = ?, attempt = ?, repeated = ?,
       reason = coalesce(?, reason),
       batch = ?, owner = NULL, lease = lease + 1 WHERE seq = ? AND id = ? AND state = 1 AND lease = ?`,
    );
    this.#lastSpan = database.prepare(
      `SELECT trace_id AS traceId, span_id AS spanId FROM attempts
       WHERE delivery = ? AND trace_id IS NOT NULL AND span_id IS NOT NULL ORDER BY replay DESC, number DESC LIMIT 1`,
    );
  }

  /** Returns OUTBOX_FULL as a value, before anything was written. */
  put(submissions: readonly Submission[], maxDeliveries: number): readonly Stored[] | WebhookError {
    if (Number.isFinite(maxDeliveries)) {
      const fresh = submissions.filter(({ event }) => this.#hasEvent.get(event.id) === undefined);
      const needed = fresh.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
      const held = this.#ledger.unfinished();
      if (held + needed > maxDeliveries) {
        return full("SQLite", held, maxDeliveries);
      }
    }
    return submissions.map((submission) => this.#store(submission));
  }

  claim(endpointId: string, limit: number, now: number): readonly Claim[] {
    const endpointKey = this.#ledger.endpointKey(endpointId);
    if (endpointKey === undefined) return [];
    const turn = this.#turns.get(endpointId) ?? 0;
    this.#turns.set(endpointId, turn + 1);
    const share = shareOfFirstAttempts(limit, turn);
    const retries = this.#selectDue.all(endpointKey, 1, now, limit);
    const first = this.#selectDue.all(endpointKey, 0, now, Math.max(share, limit - retries.length));
    const rows = [...first, ...retries.slice(0, limit - first.length)];
    if (rows.length === 0) return [];
    const owner = this.#ownership.claimant();
    this.#ledger.count(endpointKey, "pending", "delivering", rows.length);
    rows.sort(byDueTime);
    return rows.map((row) => {
      this.#lease.run(owner, row.sequence);
      const previous = row.attempt > 1 || row.replays > 0 ? this.#lastSpan.get(row.sequence) : undefined;
      return claimOf(row, endpointId, endpointKey, previous);
    });
  }

  settle(
    claim: Claim,
    settlement: Settlement,
    attempt: Attempt | undefined,
    now: number,
  ): "settled" | "lost" {
    const { sequence, version, endpointKey } = claim.lease as Lease;
    let state: "pending" | "delivered" | "dead";
    let changes: number;
    if (settlement.kind === "delivered" || settlement.kind === "dead") {
      state = settlement.kind;
      const reason = settlement.kind === "dead" ? settlement.reason : null;
      ({ changes } = this.#finish.run(stateNumbers[state], now, reason, sequence, claim.id, version));
    } else {
      state = "pending";
      const isRetry = settlement.kind === "retry";
      const next = isRetry ? claim.attempt + 1 : claim.attempt;
      const repeated = next > 1 || claim.replay > 0 ? 1 : 0;
      const { dueAt, reason = null } = settlement;
      const batch = (isRetry ? settlement.batch : claim.batch) ?? null;
      ({ changes } = this.#wait.run(dueAt, next, repeated, reason, batch, sequence, claim.id, version));
    }
    if (changes === 0) return "lost";
    this.#ledger.count(endpointKey, "delivering", state);
    if (attempt !== undefined) this.#record(sequence, attempt);
    return "settled";
  }

  #store({ event, deliveries }: Submission): Stored {
    const number = this.#ledger.nextNumber;
    const { id, type, source, createdAt, traceparent, tracestate, origin, decisions, body } = event;
    const why = JSON.stringify(decisions);
    const trace = [traceparent ?? null, tracestate ?? null] as const;
    const about = [type, source, createdAt, deliveries.length] as const;
    const { changes } = this.#insertEvent.run(number, id, ...about, ...trace, origin, why, body);
    if (changes === 0) return { accepted: false, claims: [] };
    this.#ledger.takeNumbers(1 + deliveries.length);
    const claims: Claim[] = [];
    let stored = 0;
    for (const delivery of deliveries) {
      if (this.#storeDelivery(delivery, event, number, number + 1 + stored, claims)) stored += 1;
    }
    // A delivery id that was known: rare enough to be corrected afterwards.
    if (stored < deliveries.length) this.#correctDeliveries.run(stored, number);
    if (stored === 0) this.#ledger.countUnrouted(1);
    return { accepted: true, claims };
  }

  #storeDelivery(
    delivery: NewDelivery,
    event: OutboxEvent,
    eventNumber: number,
    sequence: number,
    claims: Claim[],
  ): boolean {
    const { id, endpointId, dueAt, claim = false, content } = delivery;
    const endpointKey = this.#ledger.createEndpointKey(endpointId);
    const owner = claim ? this.#ownership.claimant() : null;
    const state = claim ? "delivering" : "pending";
    const version = claim ? 1 : 0;
    const place = [sequence, id, eventNumber, endpointKey, event.createdAt] as const;
    const { changes } = this.#insertDelivery.run(
      ...place,
      stateNumbers[state],
      dueAt,
      version,
      owner,
      event.type,
    );
    if (changes === 0) return false;
    this.#ledger.count(endpointKey, undefined, state);
    if (content !== undefined)
      this.#insertContent.run(sequence, JSON.stringify(content.headers), content.body);
    const lease: Lease = { sequence, version, endpointKey };
    const own = content === undefined ? {} : { content };
    if (claim) claims.push({ id, endpointId, event, attempt: 1, replay: 0, lease, ...own });
    return true;
  }

  #record(sequence: number, attempt: Attempt): void {
    const { replay, number, startedAt, durationMs, outcome, status, traceId, spanId, response } = attempt;
    const details = [status ?? null, traceId ?? null, spanId ?? null, response ?? null] as const;
    this.#insertAttempt.run(sequence, replay, number, startedAt, durationMs, outcome, ...details);
  }
}
