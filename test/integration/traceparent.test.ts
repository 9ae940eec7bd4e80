/** What a receiver sees of tracing, with real undici, its real instrumentation, and a real exporter. */
import { createServer } from "node:http";
import * as api from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { Agent, request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import type { Claim } from "../../src/outbox/outbox.ts";
import type { AttemptSpan, Tracing } from "../../src/telemetry/trace-contract.ts";
import { createTracing } from "../../src/telemetry/tracing/tracing.ts";
import { listening } from "../support/listening.ts";

const acceptedAt = 1_700_000_000_000;
const now = (): number => acceptedAt;

interface Received {
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

let origin: string;
let received: Received[];
let agent: Agent;
let instrumentation: UndiciInstrumentation | undefined;

beforeEach(async () => {
  received = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      received.push({
        path: message.url ?? "",
        rawHeaders: message.rawHeaders,
        body: Buffer.concat(chunks).toString(),
      });
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  origin = `http://127.0.0.1:${await listening(server)}`;
  agent = new Agent();
});

afterEach(async () => {
  await agent.close();
  instrumentation?.disable();
  instrumentation = undefined;
  for (const part of [api.trace, api.context, api.propagation]) part.disable();
});

function valuesOf(header: string, { rawHeaders }: Received): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === header);
}

async function publishAndPost(tracing: Tracing): Promise<AttemptSpan> {
  const publish = tracing.startPublish({ eventId: "evt_1", eventType: "cache.updated", source: "cache" });
  publish.end();
  const body = Buffer.from("{}");
  const event = {
    id: "evt_1",
    type: "cache.updated",
    source: "cache",
    createdAt: acceptedAt,
    body,
    origin: "p",
    ...publish.carrier,
  };
  const claim: Claim = { id: "dlv_1", endpointId: "ops", event, attempt: 1, replay: 0, lease: undefined };
  const endpoint = resolveEndpoint({ id: "ops", url: `${origin}/hook`, secret: "x" });
  const attempt = tracing.startAttempt({ claim, endpoint, sameProcess: true });
  const headers = attempt.traceparent === undefined ? {} : { traceparent: attempt.traceparent };
  const response = await attempt.run(() =>
    request(endpoint.url, { method: "POST", headers, body, dispatcher: agent }),
  );
  await response.body.dump();
  attempt.end({ outcome: "success", durationMs: 1, status: response.statusCode });
  return attempt;
}

/** Registers a provider, a context manager and the default propagators, which include baggage. */
function startRecording(isInstrumented: boolean): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  tracerProvider.register();
  if (isInstrumented) instrumentation = new UndiciInstrumentation();
  return exporter;
}

it.each([
  { title: "with instrumentation-undici", isInstrumented: true },
  { title: "without it", isInstrumented: false },
])(
  "$title a request has one traceparent, the client span's, no baggage, and no second span",
  async ({ isInstrumented }) => {
    const exporter = startRecording(isInstrumented);
    const baggage = api.propagation.createBaggage({ "user.email": { value: "someone" } });
    const active = api.propagation.setBaggage(api.context.active(), baggage);
    const attempt = await api.context.with(active, () => publishAndPost(createTracing({ now })));

    expect(received).toHaveLength(1);
    expect(valuesOf("traceparent", received[0] as Received)).toEqual([attempt.traceparent]);
    expect(valuesOf("baggage", received[0] as Received)).toEqual([]);
    const spans = exporter.getFinishedSpans();
    expect(spans.map((span) => span.name)).toEqual([
      "publish cache.updated",
      "POST",
      "deliver cache.updated",
    ]);
    expect(attempt.traceparent).toContain(spans[1]?.spanContext().spanId);
  },
);

it("the instrumentation is at work in these tests: a request outside of an attempt gets its span", async () => {
  const exporter = startRecording(true);
  await (await request(origin, { dispatcher: agent })).body.dump();
  expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual(["GET"]);
  expect(valuesOf("traceparent", received[0] as Received)).toHaveLength(1);
});

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

describe("over OTLP", () => {
  const settings = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_METRICS_EXPORTER",
    "OTEL_LOGS_EXPORTER",
  ];

  afterEach(() => {
    for (const name of settings) delete process.env[name];
  });

  it("the spans of a delivery arrive with their kinds, parents and links", async () => {
    const [endpointName = "", protocolName = "", ...exporterNames] = settings;
    process.env[endpointName] = origin;
    process.env[protocolName] = "http/json";
    for (const name of exporterNames) process.env[name] = "none";
    const sdk = new NodeSDK({ instrumentations: [], autoDetectResources: false });
    sdk.start();
    const attempt = await publishAndPost(createTracing({ now }));
    await sdk.shutdown();

    const exports = received
      .filter(({ path }) => path === "/v1/traces")
      .map(
        ({ body }) =>
          JSON.parse(body) as {
            readonly resourceSpans: readonly {
              readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
            }[];
          },
      );
    const spans = exports.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
    );
    const spanOf = (name: string): OtlpSpan => spans.find((span) => span.name === name) as OtlpSpan;
    const [publish, deliver, post] = [
      spanOf("publish cache.updated"),
      spanOf("deliver cache.updated"),
      spanOf("POST"),
    ];
    // OTLP numbers: CLIENT 3, PRODUCER 4, CONSUMER 5.
    expect([publish.kind, deliver.kind, post.kind]).toEqual([4, 5, 3]);
    expect(deliver.parentSpanId).toBe(publish.spanId);
    expect(deliver.links).toEqual([
      expect.objectContaining({ traceId: publish.traceId, spanId: publish.spanId }),
    ]);
    expect(post.parentSpanId).toBe(deliver.spanId);
    expect([deliver.traceId, deliver.spanId]).toEqual([attempt.traceId, attempt.spanId]);
    expect(attempt.traceparent).toBe(`00-${post.traceId}-${post.spanId}-01`);
    expect(spans).toHaveLength(3);
  });
});
