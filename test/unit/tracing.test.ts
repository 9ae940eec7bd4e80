/** Spans of publish and attempt: names, kinds, parents, links, attributes, and nothing at all without a tracer. */
import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../src/event/attempt-outcome.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import { WebhookError } from "../../src/event/errors.ts";
import type { Claim } from "../../src/outbox/outbox.ts";
import { readTraceContext } from "../../src/telemetry/tracing/trace-context.ts";
import type { AttemptSpan, PublishSpan, TraceCarrier } from "../../src/telemetry/trace-contract.ts";
import { createTracing } from "../../src/telemetry/tracing/tracing.ts";

const acceptedAt = 1_700_000_000_000;
const publishFacts = { eventId: "evt_1", eventType: "cache.updated", source: "cache" };
const success: AttemptOutcome = { outcome: "success", durationMs: 3, status: 200 };
const endpoint = resolveEndpoint({
  id: "ops",
  url: "https://hooks.example.com/T000/SECRET-path?key=SECRET",
  secret: "SECRET-key-of-24-characters",
});

beforeAll(() => {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterAll(() => {
  api.context.disable();
});

afterEach(() => {
  api.trace.disable();
});

function record(sampler: Sampler = new AlwaysOnSampler(), now: () => number = () => acceptedAt) {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({
    sampler,
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const span = (name: string): ReadableSpan => {
    const found = exporter.getFinishedSpans().filter((finished) => finished.name === name);
    if (found.length !== 1) throw new Error(`${found.length} spans are named ${name}`);
    return found[0] as ReadableSpan;
  };
  return { tracing: createTracing({ tracerProvider, now }), tracerProvider, exporter, span };
}

function claimOf(carrier: TraceCarrier | undefined, more: Partial<Claim> = {}): Claim {
  const event = {
    id: "evt_1",
    type: "cache.updated",
    source: "cache",
    createdAt: acceptedAt,
    body: Buffer.from("{}"),
    origin: "p",
    ...carrier,
  };
  return { id: "dlv_1", endpointId: "ops", event, attempt: 1, replay: 0, lease: undefined, ...more };
}

const linksOf = (span: ReadableSpan): string[] => span.links.map(({ context }) => context.spanId);

describe("publish", () => {
  it("is a producer span under what the component was doing, and its context goes into the outbox", () => {
    const { tracing, tracerProvider, span } = record();
    const component = tracerProvider.getTracer("app").startSpan("validate");
    const publish = api.context.with(api.trace.setSpan(api.context.active(), component), () =>
      tracing.startPublish(publishFacts),
    );
    publish.end();
    const { kind, parentSpanContext, attributes, status } = span("publish cache.updated");
    const { spanId, traceId } = span("publish cache.updated").spanContext();
    expect(kind).toBe(api.SpanKind.PRODUCER);
    expect(parentSpanContext?.spanId).toBe(component.spanContext().spanId);
    expect(publish).toMatchObject({
      traceId,
      spanId,
      carrier: { traceparent: `00-${traceId}-${spanId}-01` },
    });
    expect(traceId).toBe(component.spanContext().traceId);
    expect(status.code).toBe(api.SpanStatusCode.UNSET);
    expect(attributes).toEqual({
      "messaging.system": "mova",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.destination.name": "cache.updated",
      "messaging.message.id": "evt_1",
      "cloudevents.event_id": "evt_1",
      "cloudevents.event_source": "cache",
      "cloudevents.event_type": "cache.updated",
    });
  });

  it("that failed names the error by its code, without its message", () => {
    const { tracing, exporter } = record();
    tracing.startPublish(publishFacts).end(new WebhookError("OUTBOX_FULL", "SECRET"));
    tracing.startPublish(publishFacts).end(new TypeError("SECRET"));
    tracing.startPublish(publishFacts).end("SECRET");
    const spans = exporter.getFinishedSpans();
    expect(spans.map((span) => span.attributes["error.type"])).toEqual([
      "OUTBOX_FULL",
      "TypeError",
      "_OTHER",
    ]);
    expect(spans.map((span) => span.status)).toEqual(Array(3).fill({ code: api.SpanStatusCode.ERROR }));
    expect(spans.flatMap((span) => span.events)).toEqual([]);
  });

  it("carries the tracestate of its trace, through the outbox, to the attempt", () => {
    const { tracing } = record();
    const remote = readTraceContext(
      { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "vendor=1" },
      true,
    );
    const active = api.trace.setSpanContext(api.ROOT_CONTEXT, remote as api.SpanContext);
    const publish = api.context.with(active, () => tracing.startPublish(publishFacts));
    expect(publish.carrier?.tracestate).toBe("vendor=1");
    const attempt = tracing.startAttempt({ claim: claimOf(publish.carrier), endpoint, sameProcess: true });
    expect(attempt.tracestate).toBe("vendor=1");
    expect(attempt.traceparent).toMatch(new RegExp(`^00-${"a".repeat(32)}-`));
  });
});

describe("an attempt", () => {
  it("is a consumer span under the publish span, linked to it, with a client span below whose context is sent", () => {
    const { tracing, span } = record();
    const publish = tracing.startPublish(publishFacts);
    publish.end();
    const attempt = tracing.startAttempt({ claim: claimOf(publish.carrier), endpoint, sameProcess: true });
    attempt.end(success);
    const deliver = span("deliver cache.updated");
    const post = span("POST");
    expect(deliver.kind).toBe(api.SpanKind.CONSUMER);
    expect(deliver.parentSpanContext?.spanId).toBe(publish.spanId);
    expect(linksOf(deliver)).toEqual([publish.spanId]);
    expect(post.kind).toBe(api.SpanKind.CLIENT);
    expect(post.parentSpanContext?.spanId).toBe(deliver.spanContext().spanId);
    const { traceId, spanId } = deliver.spanContext();
    expect(attempt).toMatchObject({ traceId, spanId });
    expect(attempt.traceparent).toBe(`00-${traceId}-${post.spanContext().spanId}-01`);
    expect(traceId).toBe(publish.traceId);
    expect(deliver.attributes).toEqual({
      "messaging.system": "mova",
      "messaging.operation.name": "deliver",
      "messaging.operation.type": "process",
      "messaging.destination.name": "cache.updated",
      "messaging.message.id": "evt_1",
      "cloudevents.event_id": "evt_1",
      "cloudevents.event_source": "cache",
      "cloudevents.event_type": "cache.updated",
      "mova.webhook.endpoint.id": "ops",
      "mova.webhook.delivery.id": "dlv_1",
      "mova.webhook.attempt": 1,
    });
    expect(post.attributes).toEqual({
      "http.request.method": "POST",
      "server.address": "hooks.example.com",
      "server.port": 443,
      "url.full": "https://hooks.example.com",
      "http.response.status_code": 200,
    });
    expect([deliver.status.code, post.status.code]).toEqual([
      api.SpanStatusCode.UNSET,
      api.SpanStatusCode.UNSET,
    ]);
  });

  it("that failed twice has the outcome word on both spans, a resend count, and links to publish and the one before", () => {
    const { tracing, exporter } = record();
    const publish = tracing.startPublish(publishFacts);
    publish.end();
    let previous: { traceId: string; spanId: string } | undefined;
    const failure: AttemptOutcome = { outcome: "http_5xx", durationMs: 3, status: 503, response: "SECRET" };
    for (const [index, outcome] of [
      failure,
      { outcome: "timeout", durationMs: 3 } as const,
      success,
    ].entries()) {
      const more = { attempt: index + 1, ...(previous === undefined ? {} : { previous }) };
      const attempt = tracing.startAttempt({
        claim: claimOf(publish.carrier, more),
        endpoint,
        sameProcess: true,
      });
      attempt.end(outcome);
      previous = { traceId: attempt.traceId ?? "", spanId: attempt.spanId ?? "" };
    }
    const spans = exporter.getFinishedSpans();
    const delivers = spans.filter((span) => span.kind === api.SpanKind.CONSUMER);
    const posts = spans.filter((span) => span.kind === api.SpanKind.CLIENT);
    const idOf = (span: ReadableSpan | undefined): string => span?.spanContext().spanId ?? "";
    expect(delivers.map(linksOf)).toEqual([
      [publish.spanId],
      [publish.spanId, idOf(delivers[0])],
      [publish.spanId, idOf(delivers[1])],
    ]);
    expect(posts.map((span) => span.attributes["http.request.resend_count"])).toEqual([undefined, 1, 2]);
    for (const group of [delivers, posts]) {
      expect(group.map((span) => span.attributes["error.type"])).toEqual(["http_5xx", "timeout", undefined]);
      expect(group.map((span) => span.status.code)).toEqual([2, 2, 0]);
    }
    expect(posts.map((span) => span.attributes["http.response.status_code"])).toEqual([503, undefined, 200]);
    expect(
      JSON.stringify(spans.map(({ attributes, name, status, events }) => [attributes, name, status, events])),
    ).not.toContain("SECRET");
  });

  it.each([
    { where: "this process, a minute later", sameProcess: true, ageMs: 60_000 },
    { where: "another process, at once", sameProcess: false, ageMs: 0 },
  ])("in $where is a trace of its own, linked to publish", ({ sameProcess, ageMs }) => {
    const { tracing, span } = record(new AlwaysOnSampler(), () => acceptedAt + ageMs);
    const publish = tracing.startPublish(publishFacts);
    tracing.startAttempt({ claim: claimOf(publish.carrier), endpoint, sameProcess }).end(success);
    const deliver = span("deliver cache.updated");
    expect(deliver.parentSpanContext).toBeUndefined();
    expect(deliver.spanContext().traceId).not.toBe(publish.traceId);
    expect(deliver.links).toHaveLength(1);
    expect(deliver.links[0]?.context).toMatchObject({
      traceId: publish.traceId,
      spanId: publish.spanId,
      isRemote: !sameProcess,
    });
  });

  it("just within the minute is still a child", () => {
    const { tracing, span } = record(new AlwaysOnSampler(), () => acceptedAt + 59_999);
    const publish = tracing.startPublish(publishFacts);
    tracing.startAttempt({ claim: claimOf(publish.carrier), endpoint, sameProcess: true }).end(success);
    expect(span("deliver cache.updated").parentSpanContext?.spanId).toBe(publish.spanId);
  });

  it("has nothing to do with a span that a task queue left active", () => {
    const { tracing, tracerProvider, span } = record();
    const leaked = api.trace.setSpan(api.ROOT_CONTEXT, tracerProvider.getTracer("app").startSpan("leaked"));
    const attempt = api.context.with(leaked, () =>
      tracing.startAttempt({ claim: claimOf(undefined), endpoint, sameProcess: true }),
    );
    api.context.with(leaked, () =>
      attempt.run(() => {
        expect(api.trace.getActiveSpan()?.spanContext().traceId).toBe(attempt.traceId);
      }),
    );
    attempt.end(success);
    expect(span("deliver cache.updated").parentSpanContext).toBeUndefined();
    expect(linksOf(span("deliver cache.updated"))).toEqual([]);
  });

  it.each([
    "garbage",
    "ff-" + "a".repeat(32) + "-" + "b".repeat(16) + "-01",
    `00-${"0".repeat(32)}-${"b".repeat(16)}-01`,
  ])("with a stored context that is none (%s) is a trace of its own", (traceparent) => {
    const { tracing, span } = record();
    tracing.startAttempt({ claim: claimOf({ traceparent }), endpoint, sameProcess: true }).end(success);
    expect(span("deliver cache.updated").parentSpanContext).toBeUndefined();
    expect(linksOf(span("deliver cache.updated"))).toEqual([]);
  });

  it("names an IPv6 server without brackets, and the port of plain http", () => {
    const { tracing, span } = record();
    const plain = resolveEndpoint({ id: "six", url: "http://[::1]/hook", secret: "x" });
    tracing.startAttempt({ claim: claimOf(undefined), endpoint: plain, sameProcess: true }).end(success);
    expect(span("POST").attributes).toMatchObject({
      "server.address": "::1",
      "server.port": 80,
      "url.full": "http://[::1]",
    });
  });
});

describe("sampling", () => {
  it("of the component's trace is respected down to the header, and no id is recorded for what is not kept", () => {
    const { tracing, exporter } = record(new ParentBasedSampler({ root: new AlwaysOffSampler() }));
    const publish = tracing.startPublish(publishFacts);
    publish.end();
    const attempt = tracing.startAttempt({ claim: claimOf(publish.carrier), endpoint, sameProcess: true });
    attempt.end(success);
    expect(publish.carrier?.traceparent).toMatch(/-00$/);
    const traceId = publish.carrier?.traceparent.split("-")[1] ?? "";
    expect(attempt.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    expect([publish.traceId, publish.spanId, attempt.traceId, attempt.spanId]).toEqual(
      Array(4).fill(undefined),
    );
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it("that throws costs the span, not the delivery", () => {
    const broken: Sampler = {
      shouldSample() {
        throw new Error("broken");
      },
    };
    const { tracing } = record(broken);
    tracing.startPublish(publishFacts).end();
    const attempt = tracing.startAttempt({ claim: claimOf(undefined), endpoint, sameProcess: true });
    expect(attempt.run(() => 7)).toBe(7);
    attempt.end(success);
  });
});

describe("without a registered provider", () => {
  const startBoth = (
    tracing = createTracing({ now: () => acceptedAt }),
  ): { publish: PublishSpan; attempt: AttemptSpan } => ({
    publish: tracing.startPublish(publishFacts),
    attempt: tracing.startAttempt({ claim: claimOf(undefined), endpoint, sameProcess: true }),
  });

  it("nothing is made: no header, no ids, the same object every time", () => {
    const { publish, attempt } = startBoth();
    expect(publish.carrier).toBeUndefined();
    expect(attempt.traceparent).toBeUndefined();
    expect(attempt.run(() => 7)).toBe(7);
    attempt.end(success);
    publish.end();
    const again = startBoth();
    expect(again.publish).toBe(publish);
    expect(again.attempt).toBe(attempt);
  });

  it("the request is suppressed all the same: another provider may trace HTTP", () => {
    const key = api.createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");
    expect(startBoth().attempt.run(() => api.context.active().getValue(key))).toBe(true);
  });

  it("tracing begins when one is registered later", () => {
    const tracing = createTracing({ now: () => acceptedAt });
    expect(startBoth(tracing).publish.carrier).toBeUndefined();
    const { tracerProvider, span } = record();
    api.trace.setGlobalTracerProvider(tracerProvider);
    const { publish, attempt } = startBoth(tracing);
    publish.end();
    attempt.end(success);
    expect(span("publish cache.updated").instrumentationScope.name).toBe("mova-webhooks");
    expect(attempt.traceparent).toContain(span("POST").spanContext().spanId);
  });
});
