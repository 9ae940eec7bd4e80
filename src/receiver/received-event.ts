/** Reads the event out of a verified body, of whichever of three kinds it is. */
import { elementsOf, startOfValue } from "../event/json-parts.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";
import { binaryFieldsOf, type EventFields, fieldsOf } from "./event-fields.ts";
import { type Refused, refuse } from "./receive-result.ts";
import type { HeaderReader } from "./received-headers.ts";

/** An event as handlers get it. */
export interface ReceivedEvent<Type extends string = string, Data = unknown>
  extends WebhookEvent<Type, Data> {
  /**
   * The JSON that was signed: the body, or of a batch this member. `JSON.parse` rounds numbers such as
   * 9007199254740993; here they are as they were sent. Not enumerable.
   */
  readonly text: string;
}

/** `events` are those the handlers get: the event itself, or the members of a batch. */
export type EventOrRefusal =
  | { readonly ok: true; readonly event: ReceivedEvent; readonly events: readonly ReceivedEvent[] }
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
  const text = decode(bytes) ?? "";
  const body = parse(text);
  const read = Array.isArray(body) ? readBatch(body, text, defaults) : readSingle(body, text, defaults);
  if (read.ok || defaults.header === undefined) return read;
  // The signed body has the last word: headers that nobody signed are read only where it says nothing.
  const fields = binaryFieldsOf(defaults.header, bytes.length === 0 ? {} : body);
  if (fields === undefined) return read;
  return single(eventOf(fields, defaults), text);
}

function single(bare: WebhookEvent, text: string): EventOrRefusal {
  const event = withText(bare, () => text);
  return { ok: true, event, events: [event] };
}

function readSingle(body: unknown, text: string, defaults: Defaults): EventOrRefusal {
  const event = readOne(body, defaults);
  return "ok" in event ? event : single(event, text);
}

function readBatch(members: readonly unknown[], text: string, defaults: Defaults): EventOrRefusal {
  const events: ReceivedEvent[] = [];
  let texts: readonly string[] | undefined;
  function textOf(index: number): string {
    texts ??= Array.from(elementsOf(text, startOfValue(text, 0)), ({ start, end }) => text.slice(start, end));
    return texts[index] ?? "";
  }
  for (const [index, member] of members.entries()) {
    const event = readOne(member, { ...defaults, id: `${defaults.id}_${index + 1}` });
    if ("ok" in event) return event;
    events.push(withText(event, () => textOf(index)));
  }
  if (events.length === 0) return refuse("BODY_INVALID", "The batch is empty");
  const timestamp = new Date(defaults.nowMs).toISOString();
  const batch = { id: defaults.id, event_type: "batch", timestamp, data: events } as const;
  const event = withText({ ...batch, source: "mova_sdk", version: "2.2" }, () => text);
  return { ok: true, event, events };
}

function withText(event: WebhookEvent, text: () => string): ReceivedEvent {
  return Object.defineProperty(event, "text", { get: text }) as ReceivedEvent;
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
    data: data === undefined ? {} : data,
    // As sent: a later version of the sender is no reason to refuse what it signed.
    source: source as "mova_sdk",
    version: version as "2.2",
  };
}

/**
 * Bytes that are not UTF-8 are refused: decoding them anyway would show a handler data that was never signed. A byte order
 * mark is left out.
 */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
