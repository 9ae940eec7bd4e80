/** How rows of the tables become deliveries, events and claims. */
import type { Attempt, Delivery } from "../../event/delivery.ts";
import type { RoutingDecision } from "../../event/routing-decision.ts";
import type { Claim, DeliveryContent, OutboxEvent } from "../outbox.ts";
import { mustEndFirst, states } from "./names.ts";
import type { Row } from "./session.ts";

type Asked = NonNullable<Delivery["interventions"]>[number];

/** The columns of a delivery `d` that `deliveryOf` reads. */
export function deliveryColumns(schema: string): string {
  return `d.seq::float8 AS seq, d.id, d.event_id, d.event_type, d.endpoint_id, d.created_at, d.due_at, d.expires_at,
    d.state, d.replays, d.reason, d.order_key, d.attempts, d.interventions,
    CASE WHEN d.state = 0 AND d.order_key IS NOT NULL THEN (
      SELECT o.id ${mustEndFirst(schema)} ORDER BY (o.state = 1) DESC, o.seq LIMIT 1
    ) END AS behind`;
}

export function deliveryOf(row: Row): Delivery {
  const interventions = row.interventions as readonly string[] | null;
  return {
    id: row.id as string,
    eventId: row.event_id as string,
    eventType: row.event_type as string,
    endpointId: row.endpoint_id as string,
    state: states[row.state as number] ?? "dead",
    createdAt: row.created_at as number,
    dueAt: row.due_at as number,
    replays: row.replays as number,
    ...given("reason", row.reason as string | null),
    ...given("expiresAt", row.expires_at as number | null),
    ...given("orderKey", row.order_key as string | null),
    ...given("behind", row.behind as string | null),
    ...given(
      "interventions",
      interventions?.map((text) => JSON.parse(text) as Asked),
    ),
    attempts: (row.attempts as readonly string[]).map((text) => JSON.parse(text) as Attempt),
  };
}

export function eventOf(row: Row): OutboxEvent {
  const decisions = JSON.parse(row.decisions as string) as readonly RoutingDecision[];
  return { ...bareEventOf(row, "id"), decisions };
}

export function claimOf(row: Row, endpointId: string): Claim {
  const [traceId, spanId] = [row.trace_id as string | null, row.span_id as string | null];
  return {
    id: row.id as string,
    endpointId,
    event: bareEventOf(row, "event_id"),
    attempt: row.attempt as number,
    replay: row.replays as number,
    ...given("content", contentOf(row)),
    ...given("expiresAt", row.expires_at as number | null),
    ...given("orderKey", row.order_key as string | null),
    ...given("batch", row.batch as string | null),
    ...given("previous", traceId === null || spanId === null ? null : { traceId, spanId }),
    lease: row.version,
  };
}

function bareEventOf(row: Row, id: "id" | "event_id"): Claim["event"] {
  return {
    id: row[id] as string,
    type: row.type as string,
    source: row.source as string,
    createdAt: row.created_at as number,
    body: row.body as Buffer,
    ...given("traceparent", row.traceparent as string | null),
    ...given("tracestate", row.tracestate as string | null),
    origin: row.origin as string,
  };
}

function contentOf(row: Row): DeliveryContent | null {
  if (row.content_body === null) return null;
  const headers = JSON.parse(row.content_headers as string) as DeliveryContent["headers"];
  return { body: row.content_body as Buffer, headers };
}

/** A member only where there is a value. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | null | undefined,
): { readonly [Key in Name]?: Value } {
  return value === null || value === undefined
    ? {}
    : ({ [name]: value } as { readonly [Key in Name]: Value });
}
