/** The contract for tracing: what publishing and delivering ask of it, without knowing OpenTelemetry. */
import type { AttemptOutcome } from "../event/attempt-outcome.ts";
import type { Endpoint } from "../event/endpoint.ts";
import type { Claim } from "../outbox/outbox.ts";

/** W3C trace context as it is stored with the event. */
export interface TraceCarrier {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/**
 * Ids of the publish span, or of the deliver span, to which the next attempt links. Present only while the span is
 * sampled: an id in a record, a log line or an exemplar leads to a trace.
 */
interface SpanIds {
  readonly traceId?: string;
  readonly spanId?: string;
}

export interface PublishSpan extends SpanIds {
  /** Goes into the outbox. Absent without a tracer. */
  readonly carrier?: TraceCarrier;
  /** Call it once, when the event is stored or was refused. */
  end(error?: unknown): void;
}

export interface AttemptSpan extends SpanIds {
  /** Header of the request: the context of its client span. Absent without a tracer. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Runs the request so that other instrumentations add neither a span nor a second `traceparent` to it. */
  run<Result>(request: () => Result): Result;
  /** Call it once. */
  end(outcome: AttemptOutcome): void;
}

export interface PublishFacts {
  readonly eventId: string;
  readonly eventType: string;
  /** The plugin's name, or `api`. */
  readonly source: string;
}

export interface AttemptFacts {
  readonly claim: Claim;
  readonly endpoint: Endpoint;
  /** Whether this process published the event. */
  readonly sameProcess: boolean;
  /** All that go out in one POST, `claim` among them, where the endpoint gets batches. */
  readonly batch?: readonly Claim[];
}

/** Nothing here throws. */
export interface Tracing {
  /** Runs own work so that other instrumentations make no spans of it. */
  readonly suppress: <Result>(run: () => Result) => Result;
  /** Starts the span of an event's way into the outbox, under whatever is being traced at the moment. */
  startPublish(facts: PublishFacts): PublishSpan;
  /** Starts the two spans of one attempt: its delivery and its HTTP request. */
  startAttempt(facts: AttemptFacts): AttemptSpan;
}
