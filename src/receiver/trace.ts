/** Continues the sender's trace while an event is handled. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { WebhookEvent } from "../event/webhook-event.ts";
import type { ReceiveResult } from "./receive-result.ts";
import type { HeaderReader } from "./received-headers.ts";

const carrierOf = {
  get: (read: HeaderReader, name: string) => read(name.toLowerCase()) ?? undefined,
  keys: () => [],
};

/**
 * Runs `handle` in a span below the HTTP server's span where an instrumentation made one, else below the sender's.
 * Called after the request was verified, so that a stranger cannot write into our traces.
 */
export function handleInTrace(
  read: HeaderReader,
  event: WebhookEvent,
  handle: () => Promise<ReceiveResult>,
): Promise<ReceiveResult> {
  const active = context.active();
  const parent = trace.getSpan(active) ? active : propagation.extract(active, read, carrierOf);
  const options = {
    kind: SpanKind.CONSUMER,
    attributes: { "messaging.operation.type": "process", "messaging.message.id": event.id },
  };
  return trace
    .getTracer("mova-webhooks")
    .startActiveSpan(`process ${event.event_type}`, options, parent, async (span) => {
      try {
        const result = await handle();
        if (!result.ok)
          span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute("error.type", result.code);
        return result;
      } finally {
        span.end();
      }
    });
}
