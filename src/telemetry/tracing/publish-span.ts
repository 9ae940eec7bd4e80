/** `publish {type}`: an event's way into the outbox, under whatever is being traced at the moment. */
import * as api from "@opentelemetry/api";
import { WebhookError } from "../../event/errors.ts";
import type { PublishFacts, PublishSpan, TraceCarrier } from "../trace-contract.ts";
import { describeEvent, error, guarded, Identity } from "./running-span.ts";
import * as name from "./semconv.ts";
import { writeTraceContext } from "./trace-context.ts";

export class RunningPublish extends Identity implements PublishSpan {
  readonly carrier?: TraceCarrier;
  readonly #span: api.Span;

  constructor(tracer: api.Tracer, { eventId, eventType, source }: PublishFacts) {
    const span = tracer.startSpan(`publish ${eventType}`, { kind: api.SpanKind.PRODUCER });
    if (span.isRecording()) {
      span.setAttributes({
        [name.MESSAGING_OPERATION_NAME]: "publish",
        [name.MESSAGING_OPERATION_TYPE]: "send",
        ...describeEvent(eventId, eventType, source),
      });
    }
    const context = span.spanContext();
    super(context);
    const carrier = writeTraceContext(context);
    if (carrier !== undefined) this.carrier = carrier;
    this.#span = span;
  }

  end(cause?: unknown): void {
    guarded(() => {
      if (cause !== undefined) {
        this.#span.setAttribute(name.ERROR_TYPE, errorType(cause));
        this.#span.setStatus(error);
      }
      this.#span.end();
    });
  }
}

function errorType(cause: unknown): string {
  if (cause instanceof WebhookError) return cause.code;
  return cause instanceof Error ? cause.name : "_OTHER";
}
