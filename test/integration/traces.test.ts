import { context, SpanKind, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());
beforeEach(() => exporter.reset());

function spansNamed(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name);
}

function parentOf(span: ReadableSpan | undefined): string | undefined {
  return span?.parentSpanContext?.spanId;
}

function linksOf(span: ReadableSpan | undefined): string[] {
  return (span?.links ?? []).map((link) => link.context.spanId);
}

describe("the spans of a batch", () => {
  it("are one deliver, linked to the publish of every event and to the attempt before, and one POST", async () => {
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 2 ? 503 : 200).end(),
    );
    const batch = { maxEvents: 3, maxWaitSeconds: 60 };
    const manager = testManager({
      tracerProvider,
      endpoints: [{ id: "ops", url: endpoint.url, secret, batch, retrySchedule: [0.01] }],
    });
    await manager.start();
    for (let n = 0; n < 3; n += 1) await manager.triggerEvent("cache.updated", { n });
    await until(async () => (await manager.find({ state: "delivered" })).deliveries.length === 3);

    const publishes = spansNamed("publish cache.updated").map((span) => span.spanContext().spanId);
    const [first, second] = spansNamed("deliver batch");
    expect(publishes).toHaveLength(3);
    expect(linksOf(first).toSorted()).toEqual(publishes.toSorted());
    expect(new Set(linksOf(second))).toEqual(new Set([...publishes, first?.spanContext().spanId]));
    expect(parentOf(first)).toBeUndefined();
    expect(first?.attributes).toMatchObject({
      "messaging.batch.message_count": 3,
      "mova.webhook.endpoint.id": "ops",
      "error.type": "http_5xx",
    });
    expect(spansNamed("POST").map(parentOf)).toEqual(
      [first, second].map((span) => span?.spanContext().spanId),
    );
    const { deliveries } = await manager.find({});
    for (const { attempts } of deliveries) expect(attempts[0]?.spanId).toBe(first?.spanContext().spanId);
  });
});

describe("the spans of a delivery that failed twice", () => {
  async function failingTwice() {
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 3 ? 503 : 200).end(),
    );
    const manager = testManager({
      tracerProvider,
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01], retries: 3 }],
    });
    await manager.start();
    return { endpoint, manager };
  }

  it("are publish, then deliver and POST for each attempt, linked through", async () => {
    const { manager } = await failingTwice();
    const tracer = tracerProvider.getTracer("test");
    const component = tracer.startSpan("component");
    const { id, deliveries } = await context.with(trace.setSpan(context.active(), component), () =>
      manager.triggerEvent("error.occurred", {}),
    );
    component.end();
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");

    const [publish] = spansNamed("publish error.occurred");
    const delivers = spansNamed("deliver error.occurred");
    const posts = spansNamed("POST");
    expect(publish?.kind).toBe(SpanKind.PRODUCER);
    expect(parentOf(publish)).toBe(component.spanContext().spanId);
    expect(publish?.attributes).toMatchObject({
      "messaging.message.id": id,
      "messaging.destination.name": "error.occurred",
    });
    expect(delivers).toHaveLength(3);
    expect(posts).toHaveLength(3);
    const publishId = publish?.spanContext().spanId ?? "";
    for (const [index, deliver] of delivers.entries()) {
      expect(deliver.kind).toBe(SpanKind.CONSUMER);
      expect(parentOf(deliver)).toBe(publishId);
      expect(deliver.attributes).toMatchObject({
        "mova.webhook.attempt": index + 1,
        "mova.webhook.endpoint.id": "ops",
        "mova.webhook.delivery.id": deliveries[0],
      });
      const before = delivers[index - 1]?.spanContext().spanId;
      expect(linksOf(deliver)).toEqual(before === undefined ? [publishId] : [publishId, before]);
      const post = posts[index];
      expect(post?.kind).toBe(SpanKind.CLIENT);
      expect(parentOf(post)).toBe(deliver.spanContext().spanId);
      expect(post?.attributes["http.request.resend_count"]).toBe(index === 0 ? undefined : index);
      expect(post?.attributes["http.response.status_code"]).toBe(index < 2 ? 503 : 200);
      expect(post?.attributes["error.type"]).toBe(index < 2 ? "http_5xx" : undefined);
    }
  });

  it("are seen by the receiver as exactly one traceparent an attempt, the POST span's, and no baggage", async () => {
    const { endpoint, manager } = await failingTwice();
    await manager.triggerEvent("error.occurred", {});
    await endpoint.received(3);
    await until(() => spansNamed("POST").length === 3);
    const posts = spansNamed("POST").map((span) => span.spanContext());
    for (const [index, { rawHeaders }] of endpoint.requests.entries()) {
      const values = rawHeaders.filter(
        (_, position) => rawHeaders[position - 1]?.toLowerCase() === "traceparent",
      );
      expect(values).toEqual([`00-${posts[index]?.traceId}-${posts[index]?.spanId}-01`]);
      expect(rawHeaders.map((name) => name.toLowerCase())).not.toContain("baggage");
    }
  });

  it("stay inside where the endpoint wants no traceparent", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({
      tracerProvider,
      endpoints: [{ url: endpoint.url, secret, propagateTrace: false }],
    });
    await manager.start();
    await manager.triggerEvent("error.occurred", {});
    const [request] = await endpoint.received(1);
    expect(request?.headers["traceparent"]).toBeUndefined();
  });
});

describe("metrics", () => {
  it("count every attempt with the word of the record, and carry the trace as an exemplar", async () => {
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 2 ? 503 : 200).end(),
    );
    const manager = testManager({
      tracerProvider,
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01] }],
    });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("error.occurred", {});
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");
    const text = await manager.registry.metrics();
    const labels = 'endpoint="ops",event_type="error.occurred"';
    expect(text).toContain(`mova_webhook_attempts_total{${labels},outcome="http_5xx"} 1`);
    expect(text).toContain(`mova_webhook_attempts_total{${labels},outcome="success"} 1`);
    expect(text).toContain(`mova_webhook_deliveries_total{${labels},outcome="delivered"} 1`);
    const attempts = (await manager.get(deliveries[0] ?? ""))?.attempts ?? [];
    expect(text).toContain(`trace_id="${attempts[1]?.traceId}"`);
  });
});
