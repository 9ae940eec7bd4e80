/** What the spans of a publish and of an attempt have in common. */
import * as api from "@opentelemetry/api";
import * as name from "./semconv.ts";
import { isSampled } from "./trace-context.ts";

export const error = { code: api.SpanStatusCode.ERROR };

/** What a span tells others about itself. Ids only where the span is kept: see `SpanIds`. */
export class Identity {
  readonly traceId?: string;
  readonly spanId?: string;

  constructor(context: api.SpanContext) {
    if (isSampled(context)) {
      this.traceId = context.traceId;
      this.spanId = context.spanId;
    }
  }
}

/** A span processor of the user's may throw at the end of a span: what the span told of has happened all the same. */
export function guarded(finish: () => void): void {
  try {
    finish();
  } catch (cause) {
    api.diag.error("mova-webhooks: could not end a span", cause);
  }
}

export function describeEvent(eventId: string, eventType: string, source: string): api.Attributes {
  return {
    [name.MESSAGING_SYSTEM]: name.MESSAGING_SYSTEM_MOVA,
    [name.MESSAGING_DESTINATION_NAME]: eventType,
    [name.MESSAGING_MESSAGE_ID]: eventId,
    [name.CLOUDEVENTS_EVENT_ID]: eventId,
    [name.CLOUDEVENTS_EVENT_SOURCE]: source,
    [name.CLOUDEVENTS_EVENT_TYPE]: eventType,
  };
}
