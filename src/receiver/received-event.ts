/** Reads the event out of a verified body. */
import type { WebhookEvent } from "../event/webhook-event.ts";
import { type Refused, refuse } from "./receive-result.ts";

export type EventOrRefusal = { readonly ok: true; readonly event: WebhookEvent } | Refused;

interface Defaults {
  readonly id: string;
  /** Unix milliseconds; stands in for a missing `timestamp`. */
  readonly nowMs: number;
  /** Stands in for a missing `event_type`, and may not contradict one: the body is signed, this is not. */
  readonly eventType?: string | undefined;
}

/** Fields beside `event_type` may be missing, as in the original. The fields are picked, never merged into anything. */
export function readEvent(bytes: Uint8Array, defaults: Defaults): EventOrRefusal {
  const body = parse(bytes);
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
    ok: true,
    event: {
      id: defaults.id,
      event_type: type,
      timestamp: typeof timestamp === "string" ? timestamp : new Date(defaults.nowMs).toISOString(),
      data: fields["data"] ?? {},
      // As sent: a later version of the sender is no reason to refuse what it signed.
      source: source as "mova_sdk",
      version: version as "2.2",
    },
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
