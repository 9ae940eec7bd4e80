/** A context in which other instrumentations make no spans. */
import * as api from "@opentelemetry/api";

/** The key `suppressTracing` of `@opentelemetry/core` uses; keys with the same description are the same. */
const suppressTracingKey = api.createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** Made once: every change of a context copies a map. */
export const suppressed = api.ROOT_CONTEXT.setValue(suppressTracingKey, true);
