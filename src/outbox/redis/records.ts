/** How the outbox's records are written in Redis, and how they are read back. */
import type { Attempt, Delivery, DeliveryState } from "../../event/delivery.ts";
import type { RoutingDecision } from "../../event/routing-decision.ts";
import type { Claim, NewDelivery, OutboxEvent, Submission } from "../outbox.ts";
import type { Ticket } from "./tickets.ts";

const ageLength = 9;

/** Writes a time so that texts sort as the times do; the id of a delivery behind it makes an entry of the lists. */
export function ageOf(unixMs: number): string {
  return Math.max(0, Math.ceil(unixMs)).toString(36).padStart(ageLength, "0");
}

/** Tells whether a text has the form of an entry in the lists: an age and an id. */
export function isEntry(text: string): boolean {
  return text.length > ageLength && /^[0-9a-z]+$/.test(text.slice(0, ageLength));
}

export function idInList(entry: string): string {
  return entry.slice(ageLength);
}

/** The input of the put script for one submission. */
export function writeSubmission({ event, deliveries }: Submission): (string | number | Buffer)[] {
  const { id, type, source, createdAt, body, origin, decisions, traceparent, tracestate } = event;
  const fields: Record<string, string | Buffer> = {
    source,
    body,
    origin,
    decisions: JSON.stringify(decisions),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
  return [
    id,
    ageOf(createdAt),
    type,
    createdAt,
    Object.keys(fields).length,
    ...Object.entries(fields).flat(),
    deliveries.length,
    ...deliveries.flatMap((delivery) => [
      delivery.id,
      delivery.endpointId,
      delivery.dueAt,
      ...writeContent(delivery),
    ]),
  ];
}

/** Headers are never empty text where there is content: an empty one says that there is none. */
function writeContent({ content }: NewDelivery): (string | Buffer)[] {
  return content === undefined ? ["", ""] : [JSON.stringify(content.headers), content.body];
}

type Answered = Buffer | number | null | undefined;

function text(value: Answered): string {
  return value === null || value === undefined ? "" : value.toString();
}

/** Reads what the take script returns for a ticket that became a claim, behind the word `claim`. */
export function readClaim(ticket: Ticket, answer: readonly Answered[]): { claim: Claim; dueAt: number } {
  const [dueAt, eventId, attempt, replays, traceId, spanId, batch, headers, content, ...event] = answer;
  const claim: Claim = {
    id: ticket.id,
    endpointId: ticket.endpointId,
    event: readEventFields(text(eventId), event),
    ...(Buffer.isBuffer(content)
      ? { content: { headers: JSON.parse(text(headers)) as Record<string, string>, body: content } }
      : {}),
    ...(batch ? { batch: text(batch) } : {}),
    attempt: Number(attempt),
    replay: Number(replays),
    ...(traceId && spanId ? { previous: { traceId: text(traceId), spanId: text(spanId) } } : {}),
    lease: ticket,
  };
  return { claim, dueAt: Number(dueAt) };
}

/** Reads the fields that a claim and an event's record have in common, in the order of `eventFields`. */
function readEventFields(id: string, answer: readonly Answered[]): Claim["event"] {
  const [type, source, createdAt, body, traceparent, tracestate, origin] = answer;
  return {
    id,
    type: text(type),
    source: text(source),
    createdAt: Number(createdAt),
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
    ...(traceparent ? { traceparent: text(traceparent) } : {}),
    ...(tracestate ? { tracestate: text(tracestate) } : {}),
    origin: text(origin),
  };
}

export const eventFields = [
  "type",
  "source",
  "createdAt",
  "body",
  "traceparent",
  "tracestate",
  "origin",
  "decisions",
  "deliveries",
] as const;

/** Reads the fields above; undefined where there is no such event. */
export function readEvent(
  id: string,
  answer: readonly Answered[],
): { event: OutboxEvent; deliveryIds: string[] } | undefined {
  if (!answer[0]) return undefined;
  const [decisions, deliveries] = answer.slice(eventFields.indexOf("decisions"));
  const event: OutboxEvent = {
    ...readEventFields(id, answer),
    decisions: JSON.parse(text(decisions)) as RoutingDecision[],
  };
  // An empty list is written as an empty object: Lua knows only one kind of table.
  const ids: unknown = JSON.parse(text(deliveries));
  return { event, deliveryIds: Array.isArray(ids) ? (ids as string[]) : [] };
}

/** Reads a delivery's hash; undefined where there is none. */
export function readDelivery(id: string, hash: Record<string, string>): Delivery | undefined {
  const { eventId, eventType, endpointId, state, createdAt, dueAt, replays, reason, attempts } = hash;
  if (eventId === undefined || eventType === undefined || endpointId === undefined) return undefined;
  return {
    id,
    eventId,
    eventType,
    endpointId,
    state: state as DeliveryState,
    createdAt: Number(createdAt),
    dueAt: Number(dueAt),
    replays: Number(replays),
    ...(reason === undefined ? {} : { reason }),
    attempts: Array.from(
      { length: Number(attempts ?? 0) },
      (_, index) => JSON.parse(hash[`attempt:${index + 1}`] ?? "{}") as Attempt,
    ),
  };
}
