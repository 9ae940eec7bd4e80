/** CloudEvents 1.0 over HTTP: the event in one JSON body (structured), or its attributes in headers (binary). */
import type { TransformedEvent } from "../event/sending-settings.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";
import { check } from "../settings/check.ts";
import { cloudEvents } from "../settings/transforms.ts";

export interface CloudEventsOptions {
  /** The `source` attribute: a URI reference. @default the event's own source, `mova_sdk` */
  readonly source?: string;
  /** Goes before the event type: CloudEvents wants a reverse-DNS name, such as `com.example.` @default nothing */
  readonly typePrefix?: string;
}

/** Attributes and data in one body of `application/cloudevents+json`. */
export function cloudEventsStructured(given: CloudEventsOptions = {}) {
  const options = check("`cloudEventsStructured()`", cloudEvents, given);
  return function toStructured(event: WebhookEvent): TransformedEvent {
    return {
      body: { ...attributesOf(event, options), datacontenttype: "application/json", data: event.data },
      headers: { "content-type": "application/cloudevents+json; charset=UTF-8" },
    };
  };
}

/** The data as body, the attributes as `ce-` headers. */
export function cloudEventsBinary(given: CloudEventsOptions = {}) {
  const options = check("`cloudEventsBinary()`", cloudEvents, given);
  return function toBinary(event: WebhookEvent): TransformedEvent {
    const attributes = Object.entries(attributesOf(event, options));
    const headers = attributes.map(([name, value]) => [`ce-${name}`, percentEncode(value)]);
    return {
      body: JSON.stringify(event.data),
      headers: { ...Object.fromEntries(headers), "content-type": "application/json" },
    };
  };
}

function attributesOf(event: WebhookEvent, { source, typePrefix = "" }: CloudEventsOptions) {
  return {
    specversion: "1.0",
    id: event.id,
    source: source ?? event.source,
    type: `${typePrefix}${event.event_type}`,
    time: event.timestamp,
  };
}

/** HTTP protocol binding 1.0.2, section 3.1.3.2: space, double quote, percent, and all outside printable ASCII. */
function percentEncode(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
