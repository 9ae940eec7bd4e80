/** W3C trace context to and from text. Baggage is left out on purpose: it is the host's, and not the receiver's. */
import {
  createTraceState,
  INVALID_SPANID,
  INVALID_TRACEID,
  type SpanContext,
  TraceFlags,
} from "@opentelemetry/api";
import type { TraceCarrier } from "../trace-contract.ts";

/** Writes a span's context, or nothing for the empty context of a tracer that does nothing. */
export function writeTraceContext(context: SpanContext): TraceCarrier | undefined {
  if (context.traceId === INVALID_TRACEID) return undefined;
  const flags = context.traceFlags.toString(16).padStart(2, "0");
  const traceparent = `00-${context.traceId}-${context.spanId}-${flags}`;
  const tracestate = context.traceState?.serialize();
  return tracestate === undefined || tracestate === "" ? { traceparent } : { traceparent, tracestate };
}

/** Version ff is forbidden; versions above 00 may append fields, which we need not understand (W3C section 3.2). */
const form = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a stored context; what is not one is as good as none. `isRemote` says that another process wrote it. */
export function readTraceContext(carrier: Partial<TraceCarrier>, isRemote: boolean): SpanContext | undefined {
  const { traceparent, tracestate } = carrier;
  const parts = traceparent === undefined ? null : form.exec(traceparent);
  if (parts === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = parts;
  if (version === "00" && more !== undefined) return undefined;
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return undefined;
  const traceState = tracestate === undefined ? {} : { traceState: createTraceState(tracestate) };
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote, ...traceState };
}

export function isSampled(context: SpanContext): boolean {
  return (context.traceFlags & TraceFlags.SAMPLED) !== 0;
}
