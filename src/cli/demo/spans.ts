/** Keeps the demo's spans in memory until they are drawn. */
import { core, NodeSDK, tracing } from "@opentelemetry/sdk-node";
import type { ShownSpan } from "./report.ts";

export interface SpanCollector {
  /** What ended so far; nothing is collected after this. */
  spans(): readonly ShownSpan[];
  stop(): Promise<void>;
}

/** Registers a tracer provider for this process. */
export function startTracing(): SpanCollector {
  const kept: tracing.ReadableSpan[] = [];
  let collecting = true;
  const exporter: tracing.SpanExporter = {
    export(spans, done) {
      if (collecting) kept.push(...spans);
      done({ code: core.ExportResultCode.SUCCESS });
    },
    shutdown: () => Promise.resolve(),
  };
  const sdk = new NodeSDK({
    serviceName: "mova-webhooks-demo",
    autoDetectResources: false,
    spanProcessors: [new tracing.SimpleSpanProcessor(exporter)],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return {
    spans() {
      collecting = false;
      return kept.splice(0).map(show);
    },
    stop: () => sdk.shutdown(),
  };
}

function show(span: tracing.ReadableSpan): ShownSpan {
  const status = span.attributes["http.response.status_code"] ?? span.attributes["error.type"];
  const attempt = span.attributes["mova.webhook.attempt"];
  const endpoint = span.attributes["mova.webhook.endpoint.id"];
  const notes = [
    ...(endpoint === undefined ? [] : [`${String(endpoint)}, attempt ${String(attempt)}`]),
    ...(status === undefined ? [] : [String(status)]),
  ];
  return {
    name: span.name,
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    links: span.links.map(({ context }) => ({ traceId: context.traceId, spanId: context.spanId })),
    durationMs: core.hrTimeToMilliseconds(span.duration),
    note: notes.length > 0 ? `  (${notes.join(", ")})` : "",
  };
}
