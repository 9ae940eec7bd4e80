/** What `put`, `claim` and `settle` do within a transaction of the SQLite outbox: the hot path. */
import type { Database, Statement } from "./driver.ts";
import type { Attempt } from "../../event/delivery.ts";
import type { WebhookError } from "../../event/errors.ts";
import { expiredReason } from "../reasons.ts";
import type { Claim, NewDelivery, OutboxEvent, Settlement, Stored, Submission } from "../outbox.ts";
import { full } from "../refusals.ts";
import type { Lease } from "./claim.ts";
import type { SqliteDecisions } from "./decisions.ts";
import type { SqliteGrants } from "./grants.ts";
import type { SqliteOrder } from "./order.ts";
import type { Ledger } from "./ledger.ts";
import type { Ownership } from "./owner.ts";
import { stateNumbers } from "./schema.ts";

type Text = string | null;

export interface WritesParts {
  readonly ledger: Ledger;
  readonly ownership: Ownership;
  readonly order: SqliteOrder;
  readonly grants: SqliteGrants;
  readonly decisions: SqliteDecisions;
}

/** What of a stored event its late deliveries need. */
type LateEvent = Pick<OutboxEvent, "type" | "createdAt">;

/** How a new delivery is stored. */
interface Place {
  readonly eventNumber: number;
  readonly sequence: number;
  /** Added to its event afterwards. */
  readonly late: boolean;
  readonly now: number;
}

export class SqliteWrites {
  readonly #ledger: Ledger;
  readonly #ownership: Ownership;
  readonly #order: SqliteOrder;
  readonly #grants: SqliteGrants;
  readonly #decisions: SqliteDecisions;
  readonly #insertEvent: Statement<
    [number, string, string, string, number, number, Text, Text, string, string, Buffer]
  >;
  readonly #insertDelivery: Statement<
    [
      ...[number, string, number, number, number, number, number, number, number | null, string],
      number | null,
      Text,
      number,
      number,
    ]
  >;
  readonly #insertContent: Statement<[number, string, Buffer]>;
  readonly #insertAttempt: Statement<
    [number, number, number, number, number, string, number | null, Text, Text, Text]
  >;
  readonly #correctDeliveries: Statement<[number, number]>;
  readonly #hasEvent: Statement<[string], number>;
  readonly #finish: Statement<[number, number, Text, number, number, string, number]>;
  readonly #wait: Statement<[number, number, number, Text, Text, number, string, number]>;

  constructor(database: Database, { ledger, ownership, order, grants, decisions }: WritesParts) {
    this.#ledger = ledger;
    this.#ownership = ownership;
    this.#order = order;
    this.#grants = grants;
    this.#decisions = decisions;
    this.#insertEvent = database.prepare(
      "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    );
    this.#correctDeliveries = database.prepare("UPDATE events SET deliveries = ? WHERE seq = ?");
    this.#insertDelivery = database.prepare(
      `INSERT INTO deliveries (seq, id, event, endpoint, created_at, state, repeated, due_at, attempt, replays, lease,
       owner, type, expires_at, order_key, blocked, late)
       VALUES (?, ?, ?, ?, ?, ?, 0, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#insertContent = database.prepare("INSERT INTO contents VALUES (?, ?, ?)");
    this.#insertAttempt = database.prepare(
      "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#hasEvent = database.prepare<[string], number>("SELECT 1 FROM events WHERE id = ?").pluck();
    this.#finish = database.prepare(
      `UPDATE deliveries SET state = ?, due_at = ?, reason = ?, holds = ?, batch = NULL, owner = NULL, lease = lease + 1
       WHERE seq = ? AND id = ? AND state = 1 AND lease = ?`,
    );
    this.#wait = database.prepare(
      `UPDATE deliveries SET state = 0, due_at = ?, attempt = ?, repeated = ?,
       reason = coalesce(?, reason),
       batch = ?, owner = NULL, lease = lease + 1 WHERE seq = ? AND id = ? AND state = 1 AND lease = ?`,
    );
  }

  /** Returns OUTBOX_FULL as a value, before anything was written. */
  put(
    submissions: readonly Submission[],
    maxDeliveries: number,
    now: number,
  ): readonly Stored[] | WebhookError {
    if (Number.isFinite(maxDeliveries)) {
      const fresh = submissions.filter(({ event }) => this.#hasEvent.get(event.id) === undefined);
      const needed = fresh.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
      const held = this.#ledger.unfinished();
      if (held + needed > maxDeliveries) {
        return full("SQLite", held, maxDeliveries);
      }
    }
    return submissions.map((submission) => this.#store(submission, now));
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
      const isDeath = settlement.kind === "dead" && settlement.reason !== expiredReason;
      const holds = isDeath && claim.orderKey !== undefined && this.#order.blocks(endpointKey) ? 1 : 0;
      ({ changes } = this.#finish.run(stateNumbers[state], now, reason, holds, sequence, claim.id, version));
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
    if (claim.orderKey !== undefined) this.#order.look(endpointKey, claim.orderKey);
    if (attempt !== undefined) this.#record(sequence, attempt);
    return "settled";
  }

  #store({ event, deliveries }: Submission, now: number): Stored {
    const number = this.#ledger.nextNumber;
    const { id, type, source, createdAt, traceparent, tracestate, origin, decisions, body } = event;
    const why = this.#decisions.nameOf(decisions, number);
    const trace = [traceparent ?? null, tracestate ?? null] as const;
    const about = [type, source, createdAt, deliveries.length] as const;
    const { changes } = this.#insertEvent.run(number, id, ...about, ...trace, origin, why, body);
    if (changes === 0) return { accepted: false, claims: [] };
    this.#ledger.takeNumbers(1 + deliveries.length);
    const claims: Claim[] = [];
    let stored = 0;
    for (const delivery of deliveries) {
      const place = { eventNumber: number, sequence: number + 1 + stored, late: false, now };
      const claim = this.#storeDelivery(delivery, event, place);
      if (claim === undefined) continue;
      stored += 1;
      if (claim !== null) claims.push(claim);
    }
    // A delivery id that was known: rare enough to be corrected afterwards.
    if (stored < deliveries.length) this.#correctDeliveries.run(stored, number);
    if (stored === 0) this.#ledger.countUnrouted(1);
    return { accepted: true, claims };
  }

  /** Adds a delivery to an event that is stored. Returns false where it is known. */
  addLate(delivery: NewDelivery, event: LateEvent, eventNumber: number): boolean {
    const sequence = this.#ledger.nextNumber;
    const place = { eventNumber, sequence, late: true, now: event.createdAt };
    const { claim: _, ...unclaimed } = delivery;
    if (this.#storeDelivery(unclaimed, event, place) === undefined) return false;
    this.#ledger.takeNumbers(1);
    return true;
  }

  /** Returns its claim, or null where none was asked for or granted; undefined where the delivery is known. */
  #storeDelivery(
    delivery: NewDelivery,
    event: OutboxEvent | LateEvent,
    { eventNumber, sequence, late, now }: Place,
  ): Claim | null | undefined {
    const { id, endpointId, dueAt, content, expiresAt, orderKey } = delivery;
    const endpointKey = this.#ledger.createEndpointKey(endpointId);
    const blocked = orderKey !== undefined && this.#order.holdsBack(endpointKey, orderKey);
    const claim = delivery.claim === true && !blocked && this.#mayClaim(delivery, endpointKey, now);
    const owner = claim ? this.#ownership.claimant() : null;
    const state = claim ? "delivering" : "pending";
    const version = claim ? 1 : 0;
    const { changes } = this.#insertDelivery.run(
      ...([sequence, id, eventNumber, endpointKey, event.createdAt] as const),
      ...([stateNumbers[state], dueAt, version, owner, event.type] as const),
      ...([expiresAt ?? null, orderKey ?? null, blocked ? 1 : 0, late ? 1 : 0] as const),
    );
    if (changes === 0) return undefined;
    this.#ledger.count(endpointKey, undefined, state);
    if (content !== undefined)
      this.#insertContent.run(sequence, JSON.stringify(content.headers), content.body);
    if (!claim || !("body" in event)) return null;
    const lease: Lease = { sequence, version, endpointKey };
    return {
      ...{ id, endpointId, event, attempt: 1, replay: 0, lease },
      ...(content === undefined ? {} : { content }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(orderKey === undefined ? {} : { orderKey }),
    };
  }

  /** Tells whether a delivery that is being stored may be claimed, and counts it then. */
  #mayClaim({ limits, expiresAt }: NewDelivery, endpointKey: number, now: number): boolean {
    if (expiresAt !== undefined && expiresAt <= now) return false;
    if (limits === undefined) return true;
    this.#grants.treatDead(endpointKey, limits);
    const room = this.#grants.room(endpointKey, limits, 1, now);
    this.#grants.granted(endpointKey, room, room.deliveries, now);
    return room.deliveries === 1;
  }

  #record(sequence: number, attempt: Attempt): void {
    const { replay, number, startedAt, durationMs, outcome, status, traceId, spanId, response } = attempt;
    const details = [status ?? null, traceId ?? null, spanId ?? null, response ?? null] as const;
    this.#insertAttempt.run(sequence, replay, number, startedAt, durationMs, outcome, ...details);
  }
}
