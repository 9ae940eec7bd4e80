/** What changes waiting deliveries of the SQLite outbox other than an attempt: hands, time, and what is added late. */
import type { Database, Statement } from "./driver.ts";
import type { Intervention } from "../../event/delivery.ts";
import type { WebhookError } from "../../event/errors.ts";
import type { Ended, Intervened, LateDelivery, MissedPage } from "../outbox.ts";
import { cursorInvalid } from "../position.ts";
import { cancelledReason, expiredReason } from "../reasons.ts";
import { full } from "../refusals.ts";
import type { SqliteDecisions } from "./decisions.ts";
import { eventOf, type EventRow } from "./event-row.ts";
import type { Ledger } from "./ledger.ts";
import type { SqliteOrder } from "./order.ts";
import { stateNumbers } from "./schema.ts";
import type { SqliteWrites } from "./writes.ts";

/** Deliveries that expire in one transaction. */
const expiredAtOnce = 1000;

interface Standing {
  readonly sequence: number;
  readonly state: number;
  readonly endpointKey: number;
  readonly orderKey: string | null;
  readonly holds: number;
}

interface ExpiredRow extends Ended {
  readonly sequence: number;
  readonly endpointKey: number;
  readonly orderKey: string | null;
}

interface LateEventRow {
  readonly sequence: number;
  readonly type: string;
  readonly createdAt: number;
  readonly deliveries: number;
}

export interface HandsParts {
  readonly ledger: Ledger;
  readonly order: SqliteOrder;
  readonly decisions: SqliteDecisions;
  readonly writes: SqliteWrites;
}

export class SqliteHands {
  readonly #parts: HandsParts;
  readonly #standing: Statement<[string], Standing>;
  readonly #dueNow: Statement<[number, number]>;
  readonly #kill: Statement<[number, string, number]>;
  readonly #note: Statement<[number, number, string, string, string | null]>;
  readonly #expired: Statement<[number, number], ExpiredRow>;
  readonly #missed: Statement<
    [{ names: string; after: number; endpointId: string; limit: number }],
    EventRow & { sequence: number; decisions: string }
  >;
  readonly #lateEvent: Statement<[string], LateEventRow>;
  readonly #hasLate: Statement<[number], number>;

  constructor(database: Database, parts: HandsParts) {
    this.#parts = parts;
    this.#standing = database.prepare(
      `SELECT seq AS sequence, state, endpoint AS endpointKey, order_key AS orderKey, holds
       FROM deliveries WHERE id = ?`,
    );
    this.#dueNow = database.prepare(
      "UPDATE deliveries SET due_at = min(due_at, ?), lease = lease + 1 WHERE seq = ?",
    );
    this.#kill = database.prepare(
      `UPDATE deliveries SET state = 3, due_at = ?, reason = ?, batch = NULL, blocked = 0, holds = 0, lease = lease + 1
       WHERE seq = ?`,
    );
    this.#note = database.prepare("INSERT INTO interventions VALUES (?, ?, ?, ?, ?)");
    this.#expired = database.prepare(
      `SELECT d.seq AS sequence, d.endpoint AS endpointKey, d.order_key AS orderKey, d.id, e.id AS eventId,
       d.type AS eventType, p.id AS endpointId, d.created_at AS createdAt
       FROM deliveries d JOIN events e ON e.seq = d.event JOIN endpoints p ON p.key = d.endpoint
       WHERE d.state = 0 AND d.expires_at <= ? ORDER BY d.expires_at LIMIT ?`,
    );
    this.#missed = database.prepare(
      `SELECT seq AS sequence, id, type, source, created_at AS createdAt, traceparent, tracestate, origin, body, decisions
       FROM events INDEXED BY events_off WHERE decisions GLOB 'off*' AND seq > $after
       AND decisions IN (SELECT value FROM json_each($names))
       AND NOT EXISTS (SELECT 1 FROM deliveries d, endpoints p WHERE p.id = $endpointId AND d.endpoint = p.key
         AND d.event = events.seq AND d.late = 1)
       ORDER BY seq LIMIT $limit`,
    );
    this.#lateEvent = database.prepare(
      "SELECT seq AS sequence, type, created_at AS createdAt, deliveries FROM events WHERE id = ?",
    );
    this.#hasLate = database
      .prepare<[number], number>("SELECT 1 FROM deliveries WHERE event = ? AND late = 1 LIMIT 1")
      .pluck();
  }

  sendNow(deliveryId: string, asked: Intervention): Intervened {
    const found = this.#standing.get(deliveryId);
    if (found?.state !== stateNumbers.pending) return whyNot(found);
    this.#dueNow.run(asked.at, found.sequence);
    this.#record(found.sequence, asked);
    return "done";
  }

  cancel(deliveryId: string, asked: Intervention): Intervened {
    const found = this.#standing.get(deliveryId);
    if (found === undefined || !(found.state === stateNumbers.pending || found.holds === 1))
      return whyNot(found);
    this.#record(found.sequence, asked);
    this.#end(found, cancelledReason(asked.reason), asked.at);
    return "done";
  }

  expire(now: number): readonly Ended[] {
    return this.#expired.all(now, expiredAtOnce).map(({ sequence, endpointKey, orderKey, ...ended }) => {
      this.#end({ sequence, endpointKey, orderKey, state: stateNumbers.pending }, expiredReason, now);
      return ended;
    });
  }

  /** Only reads. Throws CONFIG_INVALID for a cursor of another form. */
  missed(
    endpointId: string,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ): MissedPage {
    if (cursor !== undefined && !/^\d+$/.test(cursor)) throw cursorInvalid();
    const names = JSON.stringify(this.#parts.decisions.namesWhereOff(endpointId));
    const rows = this.#missed.all({ names, after: Number(cursor ?? 0), endpointId, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const events = page.map((row) => ({
      ...eventOf(row),
      decisions: this.#parts.decisions.read(row.decisions),
    }));
    const last = page.at(-1);
    return rows.length > limit && last !== undefined ? { events, cursor: String(last.sequence) } : { events };
  }

  /** Returns OUTBOX_FULL as a value, before anything was written. */
  add(late: readonly LateDelivery[], maxDeliveries: number): number | WebhookError {
    const { ledger, writes } = this.#parts;
    const held = Number.isFinite(maxDeliveries) ? ledger.unfinished() : 0;
    if (held + late.length > maxDeliveries) return full("SQLite", held, maxDeliveries);
    let added = 0;
    for (const { eventId, delivery } of late) {
      const event = this.#lateEvent.get(eventId);
      if (event === undefined) continue;
      const wasAlone = event.deliveries === 0 && this.#hasLate.get(event.sequence) === undefined;
      if (!writes.addLate(delivery, event, event.sequence)) continue;
      if (wasAlone) ledger.countUnrouted(-1);
      added += 1;
    }
    return added;
  }

  #end(
    { sequence, endpointKey, orderKey, state }: Omit<Standing, "holds">,
    reason: string,
    now: number,
  ): void {
    const { ledger, order } = this.#parts;
    this.#kill.run(now, reason, sequence);
    if (state === stateNumbers.pending) ledger.count(endpointKey, "pending", "dead");
    if (orderKey !== null) order.look(endpointKey, orderKey);
  }

  #record(sequence: number, { action, by, at, reason }: Intervention): void {
    this.#note.run(sequence, at, action, by, reason ?? null);
  }
}

function whyNot(found: Standing | undefined): Intervened {
  if (found === undefined) return "unknown";
  return found.state === stateNumbers.delivering ? "under way" : "finished";
}
