/** The event a receiver gets: five fields on the wire, plus the id that travels in the `webhook-id` header. */
import { randomBytes } from "node:crypto";
import { WebhookError } from "./errors.ts";

export interface WebhookEvent<Type extends string = string, Data = unknown> {
  /** The `webhook-id`: the same over all retries and endpoints. */
  readonly id: string;
  readonly event_type: Type;
  /** RFC 3339, UTC. */
  readonly timestamp: string;
  readonly data: Data;
  readonly source: "mova_sdk";
  readonly version: "2.2";
}

export interface NewEvent {
  readonly type: string;
  readonly data: unknown;
  /** Unix milliseconds. */
  readonly occurredAt: number;
  /** @default a new random id */
  readonly id?: string;
}

export function createWebhookEvent(event: NewEvent): WebhookEvent {
  return {
    id: event.id ?? createEventId(event.occurredAt),
    event_type: event.type,
    timestamp: rfc3339(event.occurredAt),
    data: event.data ?? {},
    source: "mova_sdk",
    version: "2.2",
  };
}

let writtenMs = Number.NaN;
let written = "";

/** Many events happen in one millisecond; writing it out costs as much as the rest of an event. */
function rfc3339(ms: number): string {
  if (ms !== writtenMs) {
    written = new Date(ms).toISOString();
    writtenMs = ms;
  }
  return written;
}

/** Writes the body of section "On the wire": these five keys, in this order, as UTF-8. */
export function serializeEvent(event: WebhookEvent, maxBodyBytes: number): Buffer {
  const { event_type, timestamp, data, source, version } = event;
  let body: Buffer;
  try {
    const written = JSON.stringify(data);
    if (written === undefined) throw new TypeError("JSON has no form for this value");
    body = Buffer.from(
      `{"event_type":${JSON.stringify(event_type)},"timestamp":"${timestamp}","data":${written},"source":"${source}","version":"${version}"}`,
    );
  } catch (cause) {
    throw new WebhookError("DATA_UNSERIALISABLE", `The data of ${event_type} cannot be written as JSON`, {
      cause,
    });
  }
  if (body.length > maxBodyBytes) {
    const detail = `The body of ${event_type} has ${body.length} bytes, the limit is ${maxBodyBytes}`;
    throw new WebhookError("DATA_TOO_LARGE", detail);
  }
  return body;
}

const poolBytes = 10 * 512;
let pool = Buffer.alloc(0);
let used = 0;

/** `evt_`, nine base-36 digits of time so that ids sort, and 80 random bits. Random bytes are drawn in bulk. */
function createEventId(nowMs: number): string {
  if (used + 10 > pool.length) {
    pool = randomBytes(poolBytes);
    used = 0;
  }
  const random = pool.toString("hex", used, used + 10);
  used += 10;
  return `evt_${nowMs.toString(36).padStart(9, "0")}${random}`;
}
