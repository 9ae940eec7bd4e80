/**
 * Spans for every publish and every attempt, over `@opentelemetry/api` alone.
 *
 * `publish {type}` (PRODUCER) → `deliver {type}` (CONSUMER, one per attempt) → `POST` (CLIENT). Attributes are set
 * after the start, and only on spans that are recorded: given at the start, the SDK copies them twice, sampled or not.
 */
import * as api from "@opentelemetry/api";
import type { AttemptSpan, PublishSpan, Tracing } from "../trace-contract.ts";
import { RunningAttempt } from "./attempt-span.ts";
import { RunningPublish } from "./publish-span.ts";
import { TRACER_NAME } from "./semconv.ts";
import { suppressed } from "./suppressed.ts";

export interface TracingOptions {
  /** @default the provider registered with `@opentelemetry/api`, whenever there is one */
  readonly tracerProvider?: api.TracerProvider;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const noPublishSpan: PublishSpan = { end() {} };

/** Suppresses all the same: another provider than the registered one may trace HTTP. */
const noAttemptSpan: AttemptSpan = { run: suppress, end() {} };

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
  const tracer = provider.getTracer(TRACER_NAME);
  return () => tracer;
}

/** Without an SDK the API hands out tracers that do nothing; its proxy tells, so that not even those are asked. */
function findRegisteredTracer(): api.Tracer | undefined {
  const provider: api.TracerProvider = api.trace.getTracerProvider();
  return "getDelegateTracer" in provider
    ? (provider as api.ProxyTracerProvider).getDelegateTracer(TRACER_NAME)
    : provider.getTracer(TRACER_NAME);
}

/** A sampler or a span processor threw: the event goes on without a span. */
function failed<Span>(what: string, cause: unknown, fallback: Span): Span {
  api.diag.error(`mova-webhooks: could not start the ${what} span`, cause);
  return fallback;
}

function suppress<Result>(run: () => Result): Result {
  return api.context.with(suppressed, run);
}
