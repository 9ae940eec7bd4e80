/**
 * Spans for every publish and every attempt, over `@opentelemetry/api` alone.
 *
 * `publish {type}` (PRODUCER) → `deliver {type}` (CONSUMER, one per attempt) → `POST` (CLIENT). Attributes are set
 * after the start, and only on spans that are recorded: given at the start, the SDK copies them twice, sampled or not.
 */
import * as api from "@opentelemetry/api";
import type { AttemptOutcome } from "../../event/attempt-outcome.ts";
import type { Endpoint } from "../../event/endpoint.ts";
import { WebhookError } from "../../event/errors.ts";
import type { Claim } from "../../outbox/outbox.ts";
import * as name from "./semconv.ts";
import { isSampled, readTraceContext, writeTraceContext } from "./trace-context.ts";
import type {
  AttemptFacts,
  AttemptSpan,
  PublishFacts,
  PublishSpan,
  TraceCarrier,
  Tracing,
} from "../trace-contract.ts";

export interface TracingOptions {
  /** @default the provider registered with `@opentelemetry/api`, whenever there is one */
  readonly tracerProvider?: api.TracerProvider;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** An attempt later than this is a trace of its own: traces that last for hours break tail sampling. */
const maxParentAgeMs = 60_000;

/** The key `suppressTracing` of `@opentelemetry/core` uses; keys with the same description are the same. */
const suppressTracingKey = api.createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** Made once: every change of a context copies a map. */
const suppressed = api.ROOT_CONTEXT.setValue(suppressTracingKey, true);

const error = { code: api.SpanStatusCode.ERROR };

const noPublishSpan: PublishSpan = { end() {} };

/** Suppresses all the same: another provider than the registered one may trace HTTP. */
const noAttemptSpan: AttemptSpan = { run: suppress, end() {} };

function suppress<Result>(run: () => Result): Result {
  return api.context.with(suppressed, run);
}

/** Traces with the given provider, or the registered one. Costs next to nothing while there is none. */
export function createTracing({ tracerProvider, now }: TracingOptions): Tracing {
  const findTracer = tracerProvider === undefined ? findRegisteredTracer : always(tracerProvider);
  return {
    suppress,
    startPublish(facts) {
      try {
        const tracer = findTracer();
        return tracer === undefined ? noPublishSpan : new RunningPublish(tracer, facts);
      } catch (cause) {
        return failed("publish", cause, noPublishSpan);
      }
    },
    startAttempt(facts) {
      try {
        const tracer = findTracer();
        return tracer === undefined ? noAttemptSpan : new RunningAttempt(tracer, facts, now());
      } catch (cause) {
        return failed("attempt", cause, noAttemptSpan);
      }
    },
  };
}

function always(provider: api.TracerProvider): () => api.Tracer {
  const tracer = provider.getTracer(name.TRACER_NAME);
  return () => tracer;
}

/** Without an SDK the API hands out tracers that do nothing; its proxy tells, so that not even those are asked. */
function findRegisteredTracer(): api.Tracer | undefined {
  const provider: api.TracerProvider = api.trace.getTracerProvider();
  return "getDelegateTracer" in provider
    ? (provider as api.ProxyTracerProvider).getDelegateTracer(name.TRACER_NAME)
    : provider.getTracer(name.TRACER_NAME);
}

/** A sampler or a span processor threw: the event goes on without a span. */
function failed<Span>(what: string, cause: unknown, fallback: Span): Span {
  api.diag.error(`mova-webhooks: could not start the ${what} span`, cause);
  return fallback;
}

/** What a span tells others about itself. Ids only where the span is kept: see `SpanIds`. */
class Identity {
  readonly traceId?: string;
  readonly spanId?: string;

  constructor(context: api.SpanContext) {
    if (isSampled(context)) {
      this.traceId = context.traceId;
      this.spanId = context.spanId;
    }
  }
}

class RunningPublish extends Identity implements PublishSpan {
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

class RunningAttempt extends Identity implements AttemptSpan {
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly #deliver: api.Span;
  readonly #post: api.Span;

  constructor(tracer: api.Tracer, facts: AttemptFacts, now: number) {
    const deliver = startDeliver(tracer, facts, now);
    const post = startPost(tracer, facts, deliver);
    super(deliver.spanContext());
    const carrier = writeTraceContext(post.spanContext());
    if (carrier !== undefined) this.traceparent = carrier.traceparent;
    if (carrier?.tracestate !== undefined) this.tracestate = carrier.tracestate;
    this.#deliver = deliver;
    this.#post = post;
  }

  run<Result>(request: () => Result): Result {
    return api.context.with(api.trace.setSpan(suppressed, this.#post), request);
  }

  end({ outcome, status }: AttemptOutcome): void {
    guarded(() => {
      if (this.#post.isRecording() && status !== undefined) {
        this.#post.setAttribute(name.HTTP_RESPONSE_STATUS_CODE, status);
      }
    });
    for (const span of [this.#post, this.#deliver]) {
      guarded(() => {
        if (outcome !== "success" && span.isRecording()) {
          span.setAttribute(name.ERROR_TYPE, outcome);
          span.setStatus(error);
        }
        span.end();
      });
    }
  }
}

/** A span processor of the user's may throw at the end of a span: what the span told of has happened all the same. */
function guarded(finish: () => void): void {
  try {
    finish();
  } catch (cause) {
    api.diag.error("mova-webhooks: could not end a span", cause);
  }
}

/**
 * Starts from the root context, never from the active one: a task queue may have leaked somebody else's.
 * Publish is always linked, and the parent only while that keeps the trace short.
 */
function startDeliver(tracer: api.Tracer, facts: AttemptFacts, now: number): api.Span {
  if (facts.batch !== undefined) return startDeliverBatch(tracer, facts.batch, facts);
  const { claim, sameProcess } = facts;
  const { event, previous } = claim;
  const publish = readTraceContext(event, !sameProcess);
  const links: api.Link[] = publish === undefined ? [] : [{ context: publish }];
  // Only ids of sampled spans are recorded, so this flag is known.
  if (previous !== undefined) links.push({ context: { traceFlags: api.TraceFlags.SAMPLED, ...previous } });
  const isChild = publish !== undefined && sameProcess && now - event.createdAt < maxParentAgeMs;
  const parent = isChild ? api.trace.setSpanContext(api.ROOT_CONTEXT, publish) : api.ROOT_CONTEXT;
  const span = tracer.startSpan(`deliver ${event.type}`, { kind: api.SpanKind.CONSUMER, links }, parent);
  if (span.isRecording()) {
    span.setAttributes({
      [name.MESSAGING_OPERATION_NAME]: "deliver",
      [name.MESSAGING_OPERATION_TYPE]: "process",
      [name.MOVA_ENDPOINT_ID]: claim.endpointId,
      [name.MOVA_DELIVERY_ID]: claim.id,
      [name.MOVA_ATTEMPT]: claim.attempt,
      ...describeEvent(event.id, event.type, event.source),
    });
  }
  return span;
}

/** A batch has no one parent: it is linked to the publish spans of all its events. */
function startDeliverBatch(
  tracer: api.Tracer,
  batch: readonly Claim[],
  { claim, sameProcess }: AttemptFacts,
): api.Span {
  const publishes = batch.flatMap(({ event }) => readTraceContext(event, !sameProcess) ?? []);
  const links: api.Link[] = publishes.map((context) => ({ context }));
  if (claim.previous !== undefined) {
    links.push({ context: { traceFlags: api.TraceFlags.SAMPLED, ...claim.previous } });
  }
  const span = tracer.startSpan("deliver batch", { kind: api.SpanKind.CONSUMER, links }, api.ROOT_CONTEXT);
  if (span.isRecording()) {
    span.setAttributes({
      [name.MESSAGING_OPERATION_NAME]: "deliver",
      [name.MESSAGING_OPERATION_TYPE]: "process",
      [name.MESSAGING_SYSTEM]: name.MESSAGING_SYSTEM_MOVA,
      [name.MESSAGING_BATCH_MESSAGE_COUNT]: batch.length,
      [name.MOVA_ENDPOINT_ID]: claim.endpointId,
      [name.MOVA_ATTEMPT]: claim.attempt,
    });
  }
  return span;
}

function startPost(tracer: api.Tracer, { claim, endpoint }: AttemptFacts, deliver: api.Span): api.Span {
  const parent = api.trace.setSpan(api.ROOT_CONTEXT, deliver);
  const span = tracer.startSpan("POST", { kind: api.SpanKind.CLIENT }, parent);
  if (span.isRecording()) {
    span.setAttributes(describeServer(endpoint));
    if (claim.attempt > 1) span.setAttribute(name.HTTP_REQUEST_RESEND_COUNT, claim.attempt - 1);
  }
  return span;
}

function describeEvent(eventId: string, eventType: string, source: string): api.Attributes {
  return {
    [name.MESSAGING_SYSTEM]: name.MESSAGING_SYSTEM_MOVA,
    [name.MESSAGING_DESTINATION_NAME]: eventType,
    [name.MESSAGING_MESSAGE_ID]: eventId,
    [name.CLOUDEVENTS_EVENT_ID]: eventId,
    [name.CLOUDEVENTS_EVENT_SOURCE]: source,
    [name.CLOUDEVENTS_EVENT_TYPE]: eventType,
  };
}

/** Reading a URL's parts costs more than a span; endpoints are few and do not change. */
const described = new WeakMap<Endpoint, api.Attributes>();

function describeServer(endpoint: Endpoint): api.Attributes {
  const known = described.get(endpoint);
  if (known !== undefined) return known;
  const { url } = endpoint;
  const attributes = {
    [name.HTTP_REQUEST_METHOD]: "POST",
    [name.SERVER_ADDRESS]: url.hostname.replace(/^\[|\]$/g, ""),
    [name.SERVER_PORT]: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
    [name.URL_FULL]: url.origin,
  };
  described.set(endpoint, attributes);
  return attributes;
}

function errorType(cause: unknown): string {
  if (cause instanceof WebhookError) return cause.code;
  return cause instanceof Error ? cause.name : "_OTHER";
}
