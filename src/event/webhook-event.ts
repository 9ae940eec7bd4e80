/** The event a receiver gets: five fields on the wire, plus the id that travels in the `webhook-id` header. */
import { createHash, randomBytes } from "node:crypto";
import { WebhookError } from "./errors.ts";
import { JsonText } from "./json-text.ts";
import { writeAnything } from "./told-values.ts";

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
  /** A `JsonText` is sent byte for byte, and parsed only where somebody looks at it. */
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
    data: event.data === undefined ? {} : event.data,
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
  const written = data instanceof JsonText ? data.text : writeJson(data, `The data of ${event_type}`);
  const body = Buffer.from(
    `{"event_type":${JSON.stringify(event_type)},"timestamp":"${timestamp}","data":${written},"source":"${source}","version":"${version}"}`,
  );
  if (body.length > maxBodyBytes) {
    const detail = `The body of ${event_type} has ${body.length} bytes, the limit is ${maxBodyBytes}`;
    throw new WebhookError("DATA_TOO_LARGE", detail);
  }
  return body;
}

/**
 * Writes a value of the program as JSON: as `JSON.stringify` does where that loses nothing. `what` begins the message.
 * Throws DATA_UNSERIALISABLE.
 */
export function writeJson(value: unknown, what: string): string {
  let written: string | undefined;
  try {
    written = JSON.stringify(value);
    // Now it is known to have an end.
    if (written !== undefined && !isPlain(value)) written = writeAnything(value);
    if (written === undefined) throw new TypeError("JSON has no form for this value");
  } catch (cause) {
    if (WebhookError.is(cause)) throw cause;
    if (!(cause instanceof RangeError && cause.message.includes("call stack"))) {
      throw new WebhookError("DATA_UNSERIALISABLE", `${what} cannot be written as JSON`, { cause });
    }
    const remedy = "Pass data of some hundred levels at most.";
    throw new WebhookError("DATA_UNSERIALISABLE", `${what} is nested too deep`, { cause, remedy });
  }
  return written.includes("\\ud") ? withWholeCharacters(written) : written;
}

/** Tells what `JSON.stringify` writes all of: plain objects, lists, dates. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && !isPlain(item)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return prototype === Date.prototype;
  for (const key in value) {
    const inside = (value as Record<string, unknown>)[key];
    if (typeof inside === "object" ? !isPlain(inside) : typeof inside === "function" && key === "toJSON")
      return false;
  }
  return true;
}

/** Half a character, which JSON writes as an escape, makes PHP, Ruby and jq refuse a whole body. */
function withWholeCharacters(json: string): string {
  return json.replace(/\\(?:u(d[89a-f]..)|.)/g, (escape, half?: string) =>
    half === undefined ? escape : "\ufffd",
  );
}

/** Returns what the ids of an event's deliveries begin with: its id where that is short and plain, else a hash. */
export function deliveryPrefixOf(eventId: string): string {
  return `dlv_${/^[\w-]{1,64}$/.test(eventId) ? eventId : `~${hashOf(eventId)}`}`;
}

/** Returns the `webhook-id` of an event: its id without dots, which could move a boundary of the signed text. */
export function webhookIdOf(eventId: string): string {
  if (!/[.%]/.test(eventId)) return eventId;
  const encoded = eventId.replaceAll("%", "%25").replaceAll(".", "%2E");
  return encoded.length <= 255 ? encoded : `%~${hashOf(eventId)}`;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
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
