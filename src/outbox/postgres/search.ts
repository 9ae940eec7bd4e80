/** What the Postgres outbox is asked without changing anything: deliveries, events, counts, and what is due. */
import type { Delivery, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import { withOldestDue } from "../due.ts";
import type { Due, EndpointCounts, EventRecord, MissedPage } from "../outbox.ts";
import { readCursor, writeCursor } from "../position.ts";
import { pageSize } from "../query.ts";
import { mayGo, serverClock, states } from "./names.ts";
import { deliveryColumns, deliveryOf, eventOf, given } from "./rows.ts";
import type { PostgresSession, Row } from "./session.ts";

/** Writes a query as a condition on a delivery `d`, with its values appended. */
export function conditionOf(query: DeliveryQuery, values: unknown[]): string {
  const conditions: string[] = [];
  const where = (value: unknown, condition: (place: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  where(query.eventId, (place) => `d.event_id = ${place}`);
  where(query.endpointId, (place) => `d.endpoint_id = ${place}`);
  where(query.eventType === undefined ? undefined : [query.eventType].flat(), (place) => {
    // A pattern is a type, `*`, or ends in `.*`.
    return `EXISTS (SELECT 1 FROM unnest(${place}::text[]) AS p(pattern) WHERE p.pattern = d.event_type
      OR (p.pattern LIKE '%*' AND starts_with(d.event_type, left(p.pattern, -1))))`;
  });
  where(query.since, (place) => `d.created_at >= ${place}`);
  where(query.until, (place) => `d.created_at < ${place}`);
  // Written out, so that the planner knows which of the indexes it may use.
  if (query.state !== undefined) conditions.push(`d.state = ${states.indexOf(query.state)}`);
  return conditions.length === 0 ? "true" : conditions.join(" AND ");
}

export class PostgresSearch {
  readonly #session: PostgresSession;

  constructor(session: PostgresSession) {
    this.#session = session;
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    const { limit = pageSize, cursor } = query;
    const [beyond, direction] = query.order === "oldest" ? [">", "ASC"] : ["<", "DESC"];
    const values: unknown[] = [limit + 1];
    let condition = conditionOf(query, values);
    if (cursor !== undefined) {
      const { createdAt, sequence } = readCursor(cursor);
      values.push(createdAt, sequence);
      condition += ` AND (d.created_at, d.seq) ${beyond} ($${values.length - 1}::float8, $${values.length}::bigint)`;
    }
    const rows = await this.#deliveries(
      `${condition} ORDER BY d.created_at ${direction}, d.seq ${direction} LIMIT $1`,
      values,
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const deliveries = page.map(deliveryOf);
    if (rows.length <= limit || last === undefined) return { deliveries };
    const place = { createdAt: last.created_at as number, sequence: last.seq as number };
    return { deliveries, cursor: writeCursor(place) };
  }

  async get(deliveryId: string): Promise<Delivery | undefined> {
    const [row] = await this.#deliveries("d.id = $1", [deliveryId]);
    return row && deliveryOf(row);
  }

  async event(eventId: string): Promise<EventRecord | undefined> {
    const [row] = await this.#ask(`SELECT * FROM ${this.#session.schema}.event WHERE id = $1`, [eventId]);
    if (row === undefined) return undefined;
    const deliveries = await this.#deliveries("d.event_id = $1 ORDER BY d.seq", [eventId]);
    return { event: eventOf(row), deliveries: deliveries.map(deliveryOf) };
  }

  async missed(
    endpointId: string,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<MissedPage> {
    const { schema } = this.#session;
    const after = page.cursor === undefined ? -1 : readCursor(page.cursor).sequence;
    const text = `SELECT e.*, m.seq::float8 AS seq FROM ${schema}.missed m JOIN ${schema}.event e ON e.id = m.event_id
      WHERE m.endpoint_id = $1 AND m.seq > $2::bigint ORDER BY m.seq LIMIT $3`;
    const rows = await this.#ask(text, [endpointId, after, page.limit + 1]);
    const found = rows.slice(0, page.limit);
    const last = found.at(-1);
    const isMore = rows.length > page.limit && last !== undefined;
    const cursor = isMore ? writeCursor({ createdAt: 0, sequence: last.seq as number }) : undefined;
    return { events: found.map(eventOf), ...given("cursor", cursor) };
  }

  async counts(): Promise<readonly EndpointCounts[]> {
    const text = `SELECT endpoint_id, count(*) FILTER (WHERE state = 0)::float8 AS pending,
        count(*) FILTER (WHERE state = 1)::float8 AS delivering, count(*) FILTER (WHERE state = 3)::float8 AS dead,
        min(due_at) FILTER (WHERE state = 0) AS earliest
      FROM ${this.#session.schema}.delivery WHERE state <> 2 GROUP BY endpoint_id ORDER BY endpoint_id`;
    const now = this.#session.now();
    return (await this.#ask(text)).map((row) => {
      const counted = {
        endpointId: row.endpoint_id as string,
        pending: row.pending as number,
        delivering: row.delivering as number,
        dead: row.dead as number,
      };
      return withOldestDue(counted, row.earliest as number | null, now);
    });
  }

  /** Jumps from endpoint to endpoint in the index: what waits behind the first of each costs nothing. */
  async due(): Promise<Due> {
    const { schema } = this.#session;
    const now = this.#session.now();
    const waiting = (again: boolean, when: string): string =>
      `SELECT d.due_at FROM ${schema}.delivery d WHERE d.endpoint_id = e.id AND d.state = 0 AND d.state <> 2
        AND d.again = ${again} AND d.due_at ${when} AND ${mayGo(schema, "$1")} ORDER BY d.due_at LIMIT 1`;
    const next = (after: string): string =>
      `SELECT endpoint_id FROM ${schema}.delivery WHERE state <> 2 AND ${after} ORDER BY endpoint_id LIMIT 1`;
    const text = `
      WITH RECURSIVE e(id) AS (
        (${next("true")}) UNION ALL SELECT (${next("endpoint_id > e.id")}) FROM e WHERE e.id IS NOT NULL
      )
      SELECT e.id, EXISTS (${waiting(false, "<= $1")}) OR EXISTS (${waiting(true, "<= $1")}) AS due,
        least((${waiting(false, "> $1")}), (${waiting(true, "> $1")})) AS next,
        (SELECT min(expires_at) FROM ${schema}.delivery WHERE state = 0 AND expires_at IS NOT NULL) AS expires,
        (SELECT states::float8 FROM ${schema}.outbox_meta) AS version
      FROM (SELECT id FROM e WHERE id IS NOT NULL UNION ALL SELECT NULL) e`;
    await this.#ask(`SELECT ${schema}.take_over()
      WHERE EXISTS (SELECT 1 FROM ${schema}.holder WHERE alive_until < ${serverClock})`);
    const rows = await this.#ask(text, [now]);
    const last = rows.find(({ id }) => id === null);
    const endpoints = rows.filter(({ id }) => id !== null);
    const times = endpoints.map((row) => row.next as number | null).filter((time) => time !== null);
    const version = last?.version as number | null | undefined;
    return {
      endpointIds: endpoints.filter((row) => row.due === true).map((row) => row.id as string),
      ...given("nextAt", times.length === 0 ? undefined : Math.min(...times)),
      ...given("expiresAt", last?.expires as number | null | undefined),
      ...given("version", version === 0 ? undefined : version),
    };
  }

  #deliveries(condition: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const { schema } = this.#session;
    return this.#ask(
      `SELECT ${deliveryColumns(schema)} FROM ${schema}.delivery d WHERE ${condition}`,
      values,
    );
  }

  #ask(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#session.query(text, values, true);
  }
}
