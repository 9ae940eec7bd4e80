/** Reads the event out of a verified body. */
import type { WebhookEvent } from "../event/webhook-event.ts";
import { type Refused, refuse } from "./receive-result.ts";

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
}

/**
 * A JSON array is a batch: its event has the type `batch` and the members as data, whose ids are the batch's with
 * their number, the same over all retries of the same set.
 */
export function readEvent(bytes: Uint8Array, defaults: Defaults): EventOrRefusal {
  const body = parse(bytes);
  if (!Array.isArray(body)) {
    const event = readOne(body, defaults);
    return "ok" in event ? event : { ok: true, event, events: [event] };
  }
  const events: WebhookEvent[] = [];
  for (const [index, member] of body.entries()) {
    const event = readOne(member, { ...defaults, id: `${defaults.id}_${index + 1}` });
    if ("ok" in event) return event;
    events.push(event);
  }
  if (events.length === 0) return refuse("BODY_INVALID", "The batch is empty");
  const timestamp = new Date(defaults.nowMs).toISOString();
  const batch = { id: defaults.id, event_type: "batch", timestamp, data: events } as const;
  return { ok: true, event: { ...batch, source: "mova_sdk", version: "2.2" }, events };
}

/** Fields beside `event_type` may be missing, as in the original. The fields are picked, never merged into anything. */
function readOne(body: unknown, defaults: Defaults): WebhookEvent | Refused {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return refuse("BODY_INVALID", "The body is not a JSON object in UTF-8");
  }
  const fields = body as Readonly<Record<string, unknown>>;
  const type = fields["event_type"] ?? defaults.eventType;
  if (typeof type !== "string" || type === "") return refuse("BODY_INVALID", "The body has no `event_type`");
  if (defaults.eventType !== undefined && defaults.eventType !== type) {
    return refuse("BODY_INVALID", "The event type given differs from the signed `event_type`");
  }
  const { timestamp, source = "mova_sdk", version = "2.2" } = fields;
  return {
    id: defaults.id,
    event_type: type,
    timestamp: typeof timestamp === "string" ? timestamp : new Date(defaults.nowMs).toISOString(),
    data: fields["data"] ?? {},
    // As sent: a later version of the sender is no reason to refuse what it signed.
    source: source as "mova_sdk",
    version: version as "2.2",
  };
}

/** Bytes that are not UTF-8 are refused: decoding them anyway would show a handler data that was never signed. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
