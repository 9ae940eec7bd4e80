/** The sender's trace goes on in the handlers. */
import { context, propagation, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { core } from "@opentelemetry/sdk-node";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeEach, expect, it } from "vitest";
import { WebhookReceiver } from "../../src/receiver/receiver.ts";
import { eventBody, signedAtMs, signRequest, testSecret } from "../support/signed-request.ts";

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
trace.setGlobalTracerProvider(provider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());

beforeEach(() => exporter.reset());
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

const traceId = "0af7651916cd43dd8448eb211c80319c";
const remoteSpanId = "b7ad6b7169203331";
const { body, headers } = signRequest(eventBody("cache.updated"));
const traced = { ...headers, Traceparent: `00-${traceId}-${remoteSpanId}-01` };

function receiver(handler: () => unknown): WebhookReceiver {
  const made = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs });
  made.addHandler("*", handler);
  return made;
}

it("handlers run in a span whose parent is the sender's", async () => {
  let inHandler: string | undefined;
  await receiver(async () => {
    await Promise.resolve();
    inHandler = trace.getActiveSpan()?.spanContext().spanId;
  }).receive(body, traced);
  const [span] = exporter.getFinishedSpans();
  expect(span?.name).toBe("process cache.updated");
  expect(span?.spanContext()).toMatchObject({ traceId, spanId: inHandler });
  expect(span?.parentSpanContext?.spanId).toBe(remoteSpanId);
});

it("where an HTTP instrumentation continued the trace already, its span is the parent", async () => {
  const server = provider.getTracer("test").startSpan("POST /webhook");
  await context.with(trace.setSpan(context.active(), server), () => receiver(() => {}).receive(body, traced));
  expect(exporter.getFinishedSpans()[0]?.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
});

it("a handler that fails marks the span, without what it said", async () => {
  await receiver(() => {
    throw new Error("the card 4111 was refused");
  }).receive(body, traced);
  const [span] = exporter.getFinishedSpans();
  expect(span?.status).toEqual({ code: SpanStatusCode.ERROR });
  expect(span?.attributes["error.type"]).toBe("HANDLER_FAILED");
});

it("a request that is not genuine leaves no span", async () => {
  await receiver(() => {}).receive(Buffer.from("{}"), traced);
  expect(exporter.getFinishedSpans()).toEqual([]);
});
