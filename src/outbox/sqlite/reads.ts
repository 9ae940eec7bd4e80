/** What the SQLite outbox reads without writing: records, due times, counts. */
import type { Database, Statement } from "./driver.ts";
import type { Outcome } from "../../event/attempt-outcome.ts";
import type { Attempt, Delivery, DeliveryState, Intervention } from "../../event/delivery.ts";
import { withOldestDue } from "../due.ts";
import type { EndpointCounts, EventRecord } from "../outbox.ts";
import type { SqliteDecisions } from "./decisions.ts";
import { eventOf, type EventRow } from "./event-row.ts";
import type { SqliteOrder } from "./order.ts";
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
  readonly expiresAt: number | null;
  readonly orderKey: string | null;
  readonly blocked: number;
  readonly endpointKey: number;
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

interface InterventionRow extends Omit<Intervention, "reason"> {
  readonly reason: string | null;
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
  d.due_at AS dueAt, d.replays, d.reason, d.expires_at AS expiresAt, d.order_key AS orderKey, d.blocked,
  d.endpoint AS endpointKey
  FROM deliveries d JOIN events e ON e.seq = d.event JOIN endpoints p ON p.key = d.endpoint`;

/** Two index look-ups per endpoint, however many deliveries wait. */
const earliestDueAt = `
  (SELECT min(due_at) FROM (
    SELECT min(due_at) AS due_at FROM deliveries WHERE state = 0 AND endpoint = p.key AND blocked = 0 AND repeated = 0
    UNION ALL
    SELECT min(due_at) FROM deliveries WHERE state = 0 AND endpoint = p.key AND blocked = 0 AND repeated = 1
  ))`;

/** `dueAt` is null where nothing can be claimed; `behind` is 1 where deliveries wait behind others of their key. */
export type WaitingRow = readonly [endpointId: string, dueAt: number | null, behind: number];

export class SqliteReads {
  readonly #delivery: Statement<[number], DeliveryRow>;
  readonly #deliveryNumber: Statement<[string], number>;
  readonly #attempts: Statement<[number], AttemptRow>;
  readonly #event: Statement<[string], RecordedRow>;
  readonly #endpointKey: Statement<[string], number>;
  readonly #waiting: Statement<[], WaitingRow>;
  readonly #late: Statement<[number], number>;
  readonly #interventions: Statement<[number], InterventionRow>;
  readonly #nextExpiry: Statement<[], number | null>;
  readonly #order: SqliteOrder;
  readonly #decisions: SqliteDecisions;
  readonly #endpoints: Statement<[], EndpointRow>;
  readonly #hasDue: Statement<[string, number, number], number>;

  constructor(database: Database, order: SqliteOrder, decisions: SqliteDecisions) {
    this.#order = order;
    this.#decisions = decisions;
    this.#late = database
      .prepare<[number], number>("SELECT seq FROM deliveries WHERE event = ? AND late = 1 ORDER BY seq")
      .pluck();
    this.#interventions = database.prepare(
      "SELECT action, by, at, reason FROM interventions WHERE delivery = ? ORDER BY rowid",
    );
    this.#nextExpiry = database
      .prepare<[], number | null>(
        "SELECT min(expires_at) FROM deliveries WHERE state = 0 AND expires_at IS NOT NULL",
      )
      .pluck();
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
      .prepare<[], WaitingRow>(
        `SELECT p.id, ${earliestDueAt},
         EXISTS (SELECT 1 FROM deliveries WHERE state = 0 AND endpoint = p.key AND blocked = 1)
         FROM endpoints p WHERE p.pending > 0`,
      )
      .raw();
    this.#endpoints = database.prepare(
      `SELECT p.id AS endpointId, p.pending, p.delivering, p.dead,
       iif(p.pending > 0, ${earliestDueAt}, NULL) AS earliestDueAt FROM endpoints p`,
    );
    this.#hasDue = database
      .prepare<[string, number, number], number>(
        `SELECT 1 FROM deliveries WHERE state = 0 AND endpoint = (SELECT key FROM endpoints WHERE id = ?)
         AND blocked = 0 AND repeated = ? AND due_at <= ? LIMIT 1`,
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
    const { expiresAt, orderKey } = row;
    const interventions = this.#interventions.all(sequence).map(interventionOf);
    const behind =
      orderKey === null || row.blocked === 0 ? undefined : this.#order.ahead(row.endpointKey, orderKey);
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
      ...(expiresAt === null ? {} : { expiresAt }),
      ...(orderKey === null ? {} : { orderKey }),
      ...(behind === undefined ? {} : { behind }),
      ...(interventions.length === 0 ? {} : { interventions }),
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
    const neighbours = Array.from({ length: row.deliveries }, (_, index) => row.seq + 1 + index);
    const deliveries = [...neighbours, ...this.#late.all(row.seq)].map((number) => this.delivery(number));
    const decisions = this.#decisions.read(row.decisions);
    return {
      event: { ...eventOf(row), decisions },
      deliveries: deliveries.filter((delivery) => delivery !== undefined),
    };
  }

  endpointKey(endpointId: string): number | undefined {
    return this.#endpointKey.get(endpointId);
  }

  /** Endpoints that have deliveries waiting by their counts, when the first is due, and whether any waits behind another. */
  waiting(): readonly WaitingRow[] {
    return this.#waiting.all();
  }

  /** When the next waiting delivery expires. */
  nextExpiry(): number | undefined {
    return this.#nextExpiry.get() ?? undefined;
  }

  counts(now: number): EndpointCounts[] {
    return this.#endpoints.all().map(({ earliestDueAt, ...counts }) => {
      return withOldestDue(counts, earliestDueAt, now);
    });
  }
}

function interventionOf({ reason, ...intervention }: InterventionRow): Intervention {
  return reason === null ? intervention : { ...intervention, reason };
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
