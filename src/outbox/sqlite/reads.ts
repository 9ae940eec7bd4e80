/** What the SQLite outbox reads without writing: records, due times, counts. */
import type { Database, Statement } from "./driver.ts";
import type { Outcome } from "../../event/attempt-outcome.ts";
import type { Attempt, Delivery, DeliveryState } from "../../event/delivery.ts";
import type { RoutingDecision } from "../../event/routing-decision.ts";
import { withOldestDue } from "../due.ts";
import type { EndpointCounts, EventRecord } from "../outbox.ts";
import { eventOf, type EventRow } from "./event-row.ts";
import { stateNumbers } from "./schema.ts";

const states = Object.keys(stateNumbers) as DeliveryState[];

interface DeliveryRow {
  readonly seq: number;
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly endpointId: string;
  readonly state: number;
  readonly createdAt: number;
  readonly dueAt: number;
  readonly replays: number;
  readonly reason: string | null;
}

interface AttemptRow {
  readonly number: number;
  readonly replay: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: string;
  readonly status: number | null;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly response: string | null;
}

interface RecordedRow extends EventRow {
  readonly seq: number;
  readonly deliveries: number;
  readonly decisions: string;
}

interface EndpointRow {
  readonly endpointId: string;
  readonly pending: number;
  readonly delivering: number;
  readonly dead: number;
  readonly earliestDueAt: number | null;
}

const selectDelivery = `
  SELECT d.seq, d.id, e.id AS eventId, d.type AS eventType, p.id AS endpointId, d.state, d.created_at AS createdAt,
  d.due_at AS dueAt, d.replays, d.reason
  FROM deliveries d JOIN events e ON e.seq = d.event JOIN endpoints p ON p.key = d.endpoint`;

/** Two index look-ups per endpoint, however many deliveries wait. */
const earliestDueAt = `
  (SELECT min(due_at) FROM (
    SELECT min(due_at) AS due_at FROM deliveries WHERE state = 0 AND endpoint = p.key AND repeated = 0
    UNION ALL
    SELECT min(due_at) FROM deliveries WHERE state = 0 AND endpoint = p.key AND repeated = 1
  ))`;

export class SqliteReads {
  readonly #delivery: Statement<[number], DeliveryRow>;
  readonly #deliveryNumber: Statement<[string], number>;
  readonly #attempts: Statement<[number], AttemptRow>;
  readonly #event: Statement<[string], RecordedRow>;
  readonly #endpointKey: Statement<[string], number>;
  readonly #waiting: Statement<[], readonly [endpointId: string, dueAt: number | null]>;
  readonly #endpoints: Statement<[], EndpointRow>;
  readonly #hasDue: Statement<[string, number, number], number>;

  constructor(database: Database) {
    this.#delivery = database.prepare(`${selectDelivery} WHERE d.seq = ?`);
    this.#deliveryNumber = database
      .prepare<[string], number>("SELECT seq FROM deliveries WHERE id = ?")
      .pluck();
    this.#attempts = database.prepare(
      `SELECT number, replay, started_at AS startedAt, duration_ms AS durationMs, outcome, status,
       trace_id AS traceId, span_id AS spanId, response
       FROM attempts WHERE delivery = ? ORDER BY replay, number`,
    );
    this.#event = database.prepare(
      `SELECT seq, deliveries, id, type, source, created_at AS createdAt, traceparent, tracestate, origin, decisions,
       body FROM events WHERE id = ?`,
    );
    this.#endpointKey = database.prepare<[string], number>("SELECT key FROM endpoints WHERE id = ?").pluck();
    this.#waiting = database
      .prepare<[], readonly [string, number | null]>(
        `SELECT p.id, ${earliestDueAt} FROM endpoints p WHERE p.pending > 0`,
      )
      .raw();
    this.#endpoints = database.prepare(
      `SELECT p.id AS endpointId, p.pending, p.delivering, p.dead,
       iif(p.pending > 0, ${earliestDueAt}, NULL) AS earliestDueAt FROM endpoints p`,
    );
    this.#hasDue = database
      .prepare<[string, number, number], number>(
        `SELECT 1 FROM deliveries WHERE state = 0 AND endpoint = (SELECT key FROM endpoints WHERE id = ?)
         AND repeated = ? AND due_at <= ? LIMIT 1`,
      )
      .pluck();
  }

  hasDue(endpointId: string, now: number): boolean {
    return [0, 1].some((repeated) => this.#hasDue.get(endpointId, repeated, now) !== undefined);
  }

  /** Undefined where the delivery is gone by now. */
  delivery(sequence: number): Delivery | undefined {
    const row = this.#delivery.get(sequence);
    if (row === undefined) return undefined;
    const { id, eventId, eventType, endpointId, state, createdAt, dueAt, replays, reason } = row;
    return {
      id,
      eventId,
      eventType,
      endpointId,
      state: states[state] ?? "pending",
      createdAt,
      dueAt,
      replays,
      ...(reason === null ? {} : { reason }),
      attempts: this.#attempts.all(sequence).map(attemptOf),
    };
  }

  deliveryById(id: string): Delivery | undefined {
    const sequence = this.#deliveryNumber.get(id);
    return sequence === undefined ? undefined : this.delivery(sequence);
  }

  event(eventId: string): EventRecord | undefined {
    const row = this.#event.get(eventId);
    if (row === undefined) return undefined;
    const deliveries = Array.from({ length: row.deliveries }, (_, index) =>
      this.delivery(row.seq + 1 + index),
    );
    const decisions = JSON.parse(row.decisions) as RoutingDecision[];
    return {
      event: { ...eventOf(row), decisions },
      deliveries: deliveries.filter((delivery) => delivery !== undefined),
    };
  }

  endpointKey(endpointId: string): number | undefined {
    return this.#endpointKey.get(endpointId);
  }

  /** Endpoints that have deliveries waiting by their counts, and when the first is due; null where none was found. */
  waiting(): readonly (readonly [endpointId: string, dueAt: number | null])[] {
    return this.#waiting.all();
  }

  counts(now: number): EndpointCounts[] {
    return this.#endpoints.all().map(({ earliestDueAt, ...counts }) => {
      return withOldestDue(counts, earliestDueAt, now);
    });
  }
}

function attemptOf(row: AttemptRow): Attempt {
  const { number, replay, startedAt, durationMs, outcome, status, traceId, spanId, response } = row;
  return {
    number,
    replay,
    startedAt,
    durationMs,
    outcome: outcome as Outcome,
    ...(status === null ? {} : { status }),
    ...(traceId === null ? {} : { traceId }),
    ...(spanId === null ? {} : { spanId }),
    ...(response === null ? {} : { response }),
  };
}
