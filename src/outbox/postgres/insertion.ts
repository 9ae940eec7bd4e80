/** The statement that stores events with their deliveries, and how they are handed to it: by column, or as one JSON text. */
import type { DeliveryContent, NewDelivery, OutboxEvent, Submission } from "../outbox.ts";
import { serverClock } from "./names.ts";

interface Sources {
  /** The holder that claims what asks for it, if it lives. */
  readonly alive: string;
  readonly events: string;
  readonly deliveries: string;
  /** Who missed an event because it was off. */
  readonly off: string;
}

/** Events go in by id, so that two processes never wait for each other. */
function insertion(schema: string, { alive, events, deliveries, off }: Sources): string {
  return `
    WITH alive AS MATERIALIZED (${alive}), stored AS (
      INSERT INTO ${schema}.event (id, type, source, created_at, body, traceparent, tracestate, origin, decisions)
      SELECT i.id, i.type, i.source, i.created_at, i.body, i.traceparent, i.tracestate, i.origin, i.decisions
      FROM ${events} ORDER BY i.id COLLATE "C"
      ON CONFLICT (id) DO NOTHING RETURNING id
    ), inserted AS (
      INSERT INTO ${schema}.delivery (id, event_id, event_type, created_at, endpoint_id, due_at, expires_at,
        order_key, content_body, content_headers, state, holder)
      SELECT i.id, i.event_id, i.type, i.created_at, i.endpoint_id, i.due_at, i.expires_at, i.order_key,
        i.content_body, i.content_headers,
        CASE WHEN i.claim AND EXISTS (SELECT 1 FROM alive) THEN 1 ELSE 0 END,
        CASE WHEN i.claim THEN (SELECT id FROM alive) END
      FROM ${deliveries} WHERE i.event_id IN (SELECT id FROM stored)
      ORDER BY i.n ON CONFLICT (id) DO NOTHING RETURNING id, state
    ), off AS (
      INSERT INTO ${schema}.missed (endpoint_id, event_id)
      SELECT i.endpoint_id, i.event_id FROM ${off} WHERE i.event_id IN (SELECT id FROM stored) ORDER BY i.n
    )
    SELECT id, NULL::smallint AS state FROM stored UNION ALL SELECT id, state FROM inserted`;
}

export function insertionFromColumns(schema: string): string {
  return insertion(schema, {
    alive: `SELECT id FROM ${schema}.holder WHERE id = $1::integer AND alive_until > ${serverClock} FOR KEY SHARE`,
    events: `unnest($2::text[], $3::text[], $4::text[], $5::float8[], $6::bytea[], $7::text[], $8::text[], $9::text[],
      $10::text[]) AS i(id, type, source, created_at, body, traceparent, tracestate, origin, decisions)`,
    deliveries: `unnest($11::text[], $12::text[], $13::float8[], $14::float8[], $15::text[], $16::bytea[], $17::text[],
      $18::text[], $19::text[], $20::float8[], $21::boolean[]) WITH ORDINALITY AS i(id, endpoint_id, due_at,
      expires_at, order_key, content_body, content_headers, event_id, type, created_at, claim, n)`,
    off: "unnest($22::text[], $23::text[]) WITH ORDINALITY AS i(endpoint_id, event_id, n)",
  });
}

/** One text is a parameter that every library hands on as it is. */
export function insertionFromJson(schema: string): string {
  const given = (name: string, columns: string): string =>
    `json_to_recordset(($1::text)::json -> '${name}') AS i(${columns})`;
  const events = given(
    "events",
    "id text, type text, source text, created_at float8, body text, traceparent text, tracestate text, origin text, decisions text",
  );
  const deliveries = given(
    "deliveries",
    "n integer, id text, event_id text, type text, created_at float8, endpoint_id text, due_at float8, expires_at float8, order_key text, content_body text, content_headers text",
  );
  return insertion(schema, {
    alive: "SELECT NULL::integer AS id WHERE false",
    events: `(SELECT i.id, i.type, i.source, i.created_at, decode(i.body, 'base64') AS body, i.traceparent, i.tracestate,
      i.origin, i.decisions FROM ${events}) AS i`,
    deliveries: `(SELECT i.n, i.id, i.event_id, i.type, i.created_at, i.endpoint_id, i.due_at, i.expires_at, i.order_key,
      decode(i.content_body, 'base64') AS content_body, i.content_headers, false AS claim FROM ${deliveries}) AS i`,
    off: given("off", "n integer, endpoint_id text, event_id text"),
  });
}

export function jsonOf(submissions: readonly Submission[]): string {
  const events = submissions.map(({ event }) => event);
  let n = 0;
  return JSON.stringify({
    events: events.map(({ createdAt, body, decisions, ...event }) => ({
      ...event,
      created_at: createdAt,
      body: body.toString("base64"),
      decisions: JSON.stringify(decisions),
    })),
    deliveries: submissions.flatMap(({ event, deliveries }) =>
      deliveries.map(({ id, endpointId, dueAt, expiresAt, orderKey, content }) => ({
        ...{ n: (n += 1), id, event_id: event.id, type: event.type, created_at: event.createdAt },
        ...{ endpoint_id: endpointId, due_at: dueAt, expires_at: expiresAt, order_key: orderKey },
        ...(content === undefined
          ? {}
          : {
              content_body: content.body.toString("base64"),
              content_headers: JSON.stringify(content.headers),
            }),
      })),
    ),
    off: offOf(events).map(({ endpointId, eventId }) => ({
      n: (n += 1),
      endpoint_id: endpointId,
      event_id: eventId,
    })),
  });
}

function offOf(events: readonly OutboxEvent[]): { readonly endpointId: string; readonly eventId: string }[] {
  return events.flatMap((event) =>
    event.decisions
      .filter((decision) => !decision.routed && decision.reason === "disabled")
      .map(({ endpointId }) => ({ endpointId, eventId: event.id })),
  );
}

/** What limits bound is claimed where they are counted. */
export function isClaimable({ claim, limits, orderKey }: NewDelivery): boolean {
  const bounded = limits?.rate !== undefined || limits?.concurrency !== undefined || orderKey !== undefined;
  return claim === true && !bounded;
}

export function parametersOf(submissions: readonly Submission[], holder: number | undefined): unknown[] {
  const events = submissions.map(({ event }) => event);
  const pairs = submissions.flatMap(({ event, deliveries }) =>
    deliveries.map((delivery) => ({ event, delivery })),
  );
  const off = offOf(events);
  const of = <Value>(read: (event: OutboxEvent) => Value): Value[] => events.map(read);
  return [
    holder ?? null,
    of(({ id }) => id),
    of(({ type }) => type),
    of(({ source }) => source),
    of(({ createdAt }) => createdAt),
    of(({ body }) => body),
    of(({ traceparent }) => traceparent ?? null),
    of(({ tracestate }) => tracestate ?? null),
    of(({ origin }) => origin),
    of(({ decisions }) => JSON.stringify(decisions)),
    ...columnsOf(pairs.map(({ delivery }) => delivery)),
    pairs.map(({ event }) => event.id),
    pairs.map(({ event }) => event.type),
    pairs.map(({ event }) => event.createdAt),
    pairs.map(({ delivery }) => isClaimable(delivery)),
    off.map(({ endpointId }) => endpointId),
    off.map(({ eventId }) => eventId),
  ];
}

export function columnsOf(deliveries: readonly NewDelivery[]): unknown[][] {
  const content = (read: (content: DeliveryContent) => unknown): unknown[] =>
    deliveries.map(({ content: own }) => (own === undefined ? null : read(own)));
  return [
    deliveries.map(({ id }) => id),
    deliveries.map(({ endpointId }) => endpointId),
    deliveries.map(({ dueAt }) => dueAt),
    deliveries.map(({ expiresAt }) => expiresAt ?? null),
    deliveries.map(({ orderKey }) => orderKey ?? null),
    content(({ body }) => body),
    content(({ headers }) => JSON.stringify(headers)),
  ];
}
