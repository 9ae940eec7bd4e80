/** An event as its row in the SQLite outbox has it, and how it becomes the event again. */
import type { Claim } from "../outbox.ts";

export interface EventRow {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly createdAt: number;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  readonly origin: string;
  readonly body: Buffer;
}

export function eventOf(row: EventRow): Claim["event"] {
  const { id, type, source, createdAt, traceparent, tracestate, origin, body } = row;
  return {
    id,
    type,
    source,
    createdAt,
    origin,
    body,
    ...(traceparent === null ? {} : { traceparent }),
    ...(tracestate === null ? {} : { tracestate }),
  };
}
