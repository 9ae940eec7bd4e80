/** Keeps the demo's spans in memory until they are drawn, and sends them on where a collector is named. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { core, NodeSDK, tracing } from "@opentelemetry/sdk-node";
import type { ShownSpan } from "./report.ts";

export interface SpanCollector {
  /** What ended so far; nothing is collected after this. */
  spans(): readonly ShownSpan[];
  stop(): Promise<void>;
}

/** Registers a tracer provider for this process. OTEL_EXPORTER_OTLP_ENDPOINT names a collector (OTLP over HTTP). */
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
  const toCollector =
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] === undefined
      ? []
      : [new tracing.BatchSpanProcessor(new OTLPTraceExporter())];
  const sdk = new NodeSDK({
    serviceName: "mova-webhooks-demo",
    autoDetectResources: false,
    spanProcessors: [new tracing.SimpleSpanProcessor(exporter), ...toCollector],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return {
    spans() {
      collecting = false;
      return kept.splice(0).map(show);
    },
    // A collector that does not answer is no failure of the demo.
    stop: () => sdk.shutdown().catch(() => undefined),
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
