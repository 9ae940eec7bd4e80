/** Reads the event out of a verified body, of whichever of three kinds it is. */
import type { WebhookEvent } from "../event/webhook-event.ts";
import { binaryFieldsOf, type EventFields, fieldsOf } from "./event-fields.ts";
import { type Refused, refuse } from "./receive-result.ts";
import type { HeaderReader } from "./received-headers.ts";

/** `events` are those the handlers get: the event itself, or the members of a batch. */
export type EventOrRefusal =
  | { readonly ok: true; readonly event: WebhookEvent; readonly events: readonly WebhookEvent[] }
  | Refused;

interface Defaults {
  readonly id: string;
  /** Unix milliseconds; stands in for a missing `timestamp`. */
  readonly nowMs: number;
  /** Stands in for a missing `event_type`, and may not contradict one: the body is signed, this is not. */
  readonly eventType?: string | undefined;
  /** Reads the headers of a binary CloudEvent, where its body says nothing by itself. */
  readonly header?: HeaderReader;
}

/**
 * A JSON array is a batch: its event has the type `batch` and the members as data, whose ids are the batch's with
 * their number, the same over all retries of the same set.
 */
export function readEvent(bytes: Uint8Array, defaults: Defaults): EventOrRefusal {
  const body = parse(bytes);
  const read = Array.isArray(body) ? readBatch(body, defaults) : readSingle(body, defaults);
  if (read.ok || defaults.header === undefined) return read;
  // The signed body has the last word: headers that nobody signed are read only where it says nothing.
  const fields = binaryFieldsOf(defaults.header, bytes.length === 0 ? {} : body);
  if (fields === undefined) return read;
  const event = eventOf(fields, defaults);
  return { ok: true, event, events: [event] };
}

function readSingle(body: unknown, defaults: Defaults): EventOrRefusal {
  const event = readOne(body, defaults);
  return "ok" in event ? event : { ok: true, event, events: [event] };
}

function readBatch(members: readonly unknown[], defaults: Defaults): EventOrRefusal {
  const events: WebhookEvent[] = [];
  for (const [index, member] of members.entries()) {
    const event = readOne(member, { ...defaults, id: `${defaults.id}_${index + 1}` });
    if ("ok" in event) return event;
    events.push(event);
  }
  if (events.length === 0) return refuse("BODY_INVALID", "The batch is empty");
  const timestamp = new Date(defaults.nowMs).toISOString();
  const batch = { id: defaults.id, event_type: "batch", timestamp, data: events } as const;
  return { ok: true, event: { ...batch, source: "mova_sdk", version: "2.2" }, events };
}

function readOne(body: unknown, defaults: Defaults): WebhookEvent | Refused {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return refuse("BODY_INVALID", "The body is not a JSON object in UTF-8");
  }
  const fields = fieldsOf(body as Readonly<Record<string, unknown>>);
  const type = fields.type ?? defaults.eventType;
  if (typeof type !== "string" || type === "") return refuse("BODY_INVALID", "The body has no `event_type`");
  if (defaults.eventType !== undefined && defaults.eventType !== type) {
    return refuse("BODY_INVALID", "The event type given differs from the signed `event_type`");
  }
  return eventOf({ ...fields, type }, defaults);
}

/** Fields beside the type may be missing, as in the original. */
function eventOf(fields: EventFields & { readonly type: string }, { id, nowMs }: Defaults): WebhookEvent {
  const { type, timestamp, data, source = "mova_sdk", version = "2.2" } = fields;
  return {
    id,
    event_type: type,
    timestamp: typeof timestamp === "string" ? timestamp : new Date(nowMs).toISOString(),
    data: data ?? {},
    // As sent: a later version of the sender is no reason to refuse what it signed.
    source: source as "mova_sdk",
    version: version as "2.2",
  };
}

/**
 * Bytes that are not UTF-8 are refused: decoding them anyway would show a handler data that was never signed. A byte order
 * mark is left out.
 */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
