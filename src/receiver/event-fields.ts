/** Where each kind of body keeps an event's fields: our own, that of Standard Webhooks, and CloudEvents in both modes. */
import type { HeaderReader } from "./received-headers.ts";

/** Picked, never merged into anything. `source` and `version` are those of our own kind. */
export interface EventFields {
  readonly type?: unknown;
  readonly timestamp?: unknown;
  readonly data?: unknown;
  readonly source?: unknown;
  readonly version?: unknown;
}

type Body = Readonly<Record<string, unknown>>;

export function fieldsOf(body: Body): EventFields {
  const { event_type: ownType, type, timestamp, data, source, version, specversion, time } = body;
  if (ownType !== undefined && ownType !== null) return { type: ownType, timestamp, data, source, version };
  if (typeof type === "string" && typeof specversion === "string")
    return { type, timestamp: time, data: data === undefined ? decodedData(body["data_base64"]) : data };
  if (typeof type === "string" && timestamp !== undefined && "data" in body)
    return { type, timestamp: timeOf(timestamp), data };
  return { timestamp, data, source, version };
}

/** Returns the fields of a CloudEvent in binary mode, whose body is its data, or undefined where it is none. */
export function binaryFieldsOf(
  header: HeaderReader,
  body: unknown,
): (EventFields & { type: string }) | undefined {
  const type = decoded(header("ce-type"));
  if (!header("ce-specversion") || !type || body === undefined) return undefined;
  return { type, timestamp: decoded(header("ce-time")), data: body };
}

/** The CloudEvents binding for HTTP has what is not ASCII in percent signs. */
function decoded(value: string | null | undefined): string | undefined {
  try {
    return decodeURIComponent(value ?? "") || undefined;
  } catch {
    return undefined;
  }
}

/** Data in base64 that is not JSON stays the text it is. */
function decodedData(base64: unknown): unknown {
  if (typeof base64 !== "string") return undefined;
  try {
    return JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch {
    return base64;
  }
}

/** Some senders of Standard Webhooks write the time as a number, of seconds or of milliseconds. */
function timeOf(timestamp: unknown): unknown {
  if (typeof timestamp !== "number") return timestamp;
  const date = new Date(timestamp < 100_000_000_000 ? timestamp * 1000 : timestamp);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
