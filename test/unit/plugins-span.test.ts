/** The span plugin: which spans become events, what they tell, and how it finds a provider. */
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import type { AnyPlugin } from "../../src/plugin/contract.ts";
import { type SpanRule, span } from "mova-webhooks/plugins";
import { collectingHost } from "mova-webhooks/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

afterEach(() => {
  for (const part of [trace, context]) part.disable();
});

/** A provider the plugin was given, and the host that collects what it makes of the spans. */
function watched(...rules: SpanRule[]) {
  const plugin = span(rules.length === 0 ? {} : { rules });
  const host = collectingHost(plugin as AnyPlugin);
  const provider = new BasicTracerProvider();
  host.instrument(provider);
  return { host, tracer: provider.getTracer("orders"), provider, plugin };
}

function typesOf({ drafts }: { readonly drafts: readonly { readonly type: string }[] }): string[] {
  return drafts.map(({ type }) => type);
}

describe("a finished span", () => {
  it("that failed becomes span.failed without any rule, and tells no attribute", () => {
    const { host, tracer } = watched();
    const parent = tracer.startSpan("checkout");
    const failing = tracer.startSpan(
      "charge",
      { kind: SpanKind.CLIENT, startTime: 1_700_000_000_000, attributes: { card: "4111" } },
      trace.setSpan(context.active(), parent),
    );
    failing.setStatus({ code: SpanStatusCode.ERROR, message: "card 4111 declined" }).end(1_700_000_000_041.5);
    parent.end();
    const { traceId, spanId } = failing.spanContext();
    expect(host.drafts).toEqual([
      {
        type: "span.failed",
        data: {
          name: "charge",
          kind: "client",
          scope: "orders",
          status: "error",
          started_at: "2023-11-14T22:13:20.000Z",
          duration_ms: 41.5,
          trace_id: traceId,
          span_id: spanId,
          parent_span_id: parent.spanContext().spanId,
        },
      },
    ]);
  });

  it("sends the attributes that its rule allows, and no other", () => {
    const { host, tracer } = watched({ attributes: ["http.route", "absent"] });
    tracer.startSpan("GET", { attributes: { "http.route": "/orders/:id", "user.email": "a@b.c" } }).end();
    expect(host.drafts[0]).toMatchObject({
      type: "span.ended",
      data: { attributes: { "http.route": "/orders/:id" } },
    });
    expect(JSON.stringify(host.drafts)).not.toContain("a@b.c");
  });
});

describe("an event's own trace", () => {
  it("goes on from the span it tells of", () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    let active: string | undefined;
    const { tracer } = watched({
      when: () => ((active = trace.getActiveSpan()?.spanContext().spanId), true),
    });
    const ended = tracer.startSpan("GET");
    ended.end();
    expect(active).toBe(ended.spanContext().spanId);
  });
});

describe("a rule", () => {
  const cases: [string, SpanRule, boolean][] = [
    ["name", { name: "GET /orders" }, true],
    ["another name", { name: "GET" }, false],
    ["a pattern of the name", { name: "GET *" }, true],
    ["a pattern that looks like an expression", { name: "G.T *" }, false],
    ["an expression", { name: /orders$/ }, true],
    ["the scope", { scope: "ord*" }, true],
    ["another scope", { scope: "@opentelemetry/*" }, false],
    ["the kind", { kind: "server" }, true],
    ["another kind", { kind: "client" }, false],
    ["the status", { status: "error" }, true],
    ["another status", { status: "ok" }, false],
    ["attributes", { where: { "http.response.status_code": 503, "http.route": "/o*", cached: false } }, true],
    ["an attribute of another value", { where: { "http.response.status_code": 500 } }, false],
    ["an attribute it lacks", { where: { "db.system": "*" } }, false],
    ["a duration", { minDurationMs: 50 }, true],
    ["a longer duration", { minDurationMs: 50.1 }, false],
    ["any condition", { when: ({ durationMs }) => durationMs === 50 }, true],
    ["all of its conditions", { name: "GET *", kind: "client" }, false],
  ];
  it.each(cases)("by %s decides", (_, rule, expected) => {
    const { host, tracer } = watched(rule);
    const attributes = { "http.response.status_code": 503, "http.route": "/orders", cached: false };
    tracer
      .startSpan("GET /orders", { kind: SpanKind.SERVER, attributes, startTime: 1_700_000_000_000 })
      .setStatus({ code: SpanStatusCode.ERROR })
      .end(1_700_000_000_050);
    expect(host.drafts).toHaveLength(expected ? 1 : 0);
  });

  it("names its event; the first of one event wins, and different events are all made", () => {
    const { host, tracer } = watched(
      { event: "span.slow", minDurationMs: 10, attributes: ["first"] },
      { event: "span.slow", attributes: ["second"] },
      { event: "span.started", on: "start" },
    );
    const slow = tracer.startSpan("GET", {
      startTime: 1_700_000_000_000,
      attributes: { first: 1, second: 2 },
    });
    expect(typesOf(host)).toEqual(["span.started"]);
    expect(host.drafts[0]?.data).not.toHaveProperty("duration_ms");
    slow.end(1_700_000_000_100);
    expect(host.drafts.slice(1)).toMatchObject([{ type: "span.slow", data: { attributes: { first: 1 } } }]);
  });

  it("that throws reaches neither the tracer nor the program", () => {
    const plugin = span({
      rules: [
        {
          when: () => {
            throw new Error("rule's own");
          },
        },
      ],
    });
    const host = collectingHost(plugin as AnyPlugin);
    const provider = new BasicTracerProvider({ spanProcessors: [plugin.processor] });
    host.attach();
    expect(() => provider.getTracer("x").startSpan("y").end()).not.toThrow();
    expect(host.logged).toHaveLength(1);
  });
});

describe("a provider", () => {
  it("that is registered is watched from the start to the end of the manager", () => {
    const provider = new NodeTracerProvider();
    provider.register();
    const earlier = trace.getTracer("earlier");
    const host = collectingHost(span({ rules: [{}] }) as AnyPlugin);
    const detach = host.attach();
    earlier.startSpan("seen").end();
    detach();
    earlier.startSpan("unseen").end();
    expect(host.drafts).toMatchObject([{ data: { name: "seen" } }]);
  });

  it("that is registered later is watched from then on, and one that replaces it too", () => {
    const host = collectingHost(span({ rules: [{}] }) as AnyPlugin);
    const detach = host.attach();
    const earlier = trace.getTracer("earlier");
    earlier.startSpan("unseen").end();
    new NodeTracerProvider().register();
    earlier.startSpan("seen").end();
    trace.disable();
    trace.setGlobalTracerProvider(new BasicTracerProvider());
    trace.getTracer("later").startSpan("also seen").end();
    detach();
    trace.getTracer("later").startSpan("unseen").end();
    expect(host.drafts).toMatchObject([{ data: { name: "seen" } }, { data: { name: "also seen" } }]);
  });

  it("is followed by several managers, each until its own end, and then the API is as it was", () => {
    const register = (): unknown => Reflect.get(trace, "setGlobalTracerProvider");
    const before = register();
    const hosts = [1, 2].map(() => collectingHost(span({ rules: [{}] }) as AnyPlugin));
    const [endFirst, endSecond] = hosts.map((host) => host.attach());
    endFirst?.();
    new NodeTracerProvider().register();
    trace.getTracer("x").startSpan("seen").end();
    expect(hosts.map(({ drafts }) => drafts.length)).toEqual([0, 1]);
    endSecond?.();
    expect(register()).toBe(before);
  });

  it("that was made with the processor is not given it twice", () => {
    const plugin = span({ rules: [{}] });
    const provider = new NodeTracerProvider({ spanProcessors: [plugin.processor] });
    provider.register();
    const host = collectingHost(plugin as AnyPlugin);
    host.attach();
    host.instrument(provider);
    trace.getTracer("x").startSpan("once").end();
    expect(host.drafts).toHaveLength(1);
  });

  it("of SDK 1 is asked in its own way, and its spans are read too", () => {
    const plugin = span({ rules: [{ scope: "old" }] });
    const host = collectingHost(plugin as AnyPlugin);
    const added: unknown[] = [];
    host.instrument({
      getTracer() {},
      forceFlush() {},
      shutdown() {},
      addSpanProcessor: (processor: unknown) => added.push(processor),
    });
    expect(added).toEqual([plugin.processor]);
    const context = { traceId: "1", spanId: "2", traceFlags: 1 };
    const old = {
      name: "GET",
      kind: 2,
      status: { code: 0 },
      startTime: [1, 5e8],
      duration: [0, 1_234_567],
    } as const;
    const more = { attributes: {}, instrumentationLibrary: { name: "old" }, parentSpanId: "3" };
    plugin.processor.onEnd({ ...old, ...more, spanContext: () => context });
    expect(host.drafts).toMatchObject([
      {
        data: {
          kind: "client",
          status: "unset",
          duration_ms: 1.235,
          started_at: "1970-01-01T00:00:01.500Z",
          parent_span_id: "3",
        },
      },
    ]);
  });

  it("that takes no processor is named in the log, with what to do", () => {
    const host = collectingHost(span() as AnyPlugin);
    host.instrument({ getTracer() {}, forceFlush() {}, shutdown() {} });
    expect(host.logged).toMatchObject([
      { level: "warn", message: expect.stringContaining("spanProcessors") },
    ]);
  });

  it("that refuses the processor is logged by each who follows; who registers it hears nothing", () => {
    const hosts = [1, 2].map(() => collectingHost(span() as AnyPlugin));
    const [endFirst, endSecond] = hosts.map((host) => host.attach());
    const failing = {
      getTracer() {},
      forceFlush() {},
      shutdown() {},
      addSpanProcessor() {
        throw new RangeError("no more");
      },
    };
    expect(trace.setGlobalTracerProvider(failing as never)).toBe(true);
    const logged = { level: "warn", fields: { error_type: "RangeError" } };
    expect(hosts.map((host) => host.logged)).toMatchObject([[logged], [logged]]);
    endFirst?.();
    endSecond?.();
  });

  it("that refuses the processor and is there already leaves nothing behind at the end", () => {
    const before: unknown = Reflect.get(trace, "setGlobalTracerProvider");
    const failing = Object.assign(new NodeTracerProvider(), {
      _activeSpanProcessor: undefined,
      addSpanProcessor() {
        throw new Error("no more");
      },
    });
    trace.setGlobalTracerProvider(failing);
    collectingHost(span() as AnyPlugin).attach()();
    expect(Reflect.get(trace, "setGlobalTracerProvider")).toBe(before);
  });

  it("is not what a manager's own tracer makes: those spans are never a source", () => {
    const { host, provider } = watched({});
    provider.getTracer("mova-webhooks").startSpan("publish cache.updated").end();
    expect(host.drafts).toEqual([]);
  });

  it("costs nothing while nobody wants its spans", () => {
    const { host, tracer } = watched({});
    host.want(() => false);
    const ended = tracer.startSpan("GET");
    Object.defineProperty(ended, "name", { get: () => expect.fail("the span was read") });
    ended.end();
  });
});

describe("where no provider is registered", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  const later = (): void => void vi.advanceTimersByTime(60_000);

  it("the log says so once, with what to do, after the program had time to start one", () => {
    const host = collectingHost(span() as AnyPlugin);
    host.attach();
    vi.advanceTimersByTime(5000);
    expect(host.logged).toEqual([]);
    later();
    expect(host.logged).toMatchObject([{ level: "warn", message: expect.stringContaining("`instrument`") }]);
  });

  it("nothing is said where one is registered in time, by this copy of the API or another", () => {
    const host = collectingHost(span({ rules: [{}] }) as AnyPlugin);
    host.attach();
    const another = Object.create(trace) as typeof trace;
    Reflect.apply(Object.getPrototypeOf(trace).setGlobalTracerProvider, another, [new BasicTracerProvider()]);
    later();
    trace.getTracer("x").startSpan("seen").end();
    expect(host).toMatchObject({ logged: [], drafts: [{ data: { name: "seen" } }] });
  });

  it("nothing is said where a provider is given, has the processor, or the manager was closed", () => {
    const given = collectingHost(span() as AnyPlugin);
    given.attach();
    given.instrument(new BasicTracerProvider());
    const plugin = span();
    const made = collectingHost(plugin as AnyPlugin);
    made.attach();
    new BasicTracerProvider({ spanProcessors: [plugin.processor] }).getTracer("x").startSpan("y").end();
    const closed = collectingHost(span() as AnyPlugin);
    closed.attach()();
    later();
    expect([given, made, closed].flatMap(({ logged }) => logged)).toEqual([]);
  });
});

describe("an exception recorded on a span", () => {
  it("is reported when asked, as the error object it is", () => {
    const plugin = span({ rules: [], exceptions: true });
    const host = collectingHost(plugin as AnyPlugin);
    const provider = new BasicTracerProvider({ spanProcessors: [plugin.processor] });
    host.attach();
    const failing = provider.getTracer("x").startSpan("charge");
    const declined = new RangeError("declined");
    failing.recordException(declined);
    failing.end();
    const { traceId, spanId } = failing.spanContext();
    const context = { origin: "span", span: "charge", trace_id: traceId, span_id: spanId };
    expect(host.published).toEqual([
      { topic: "span:started", happened: expect.anything() },
      { topic: "error:reported", happened: { error: declined, context } },
      { topic: "span:ended", happened: expect.anything() },
    ]);
    expect(Reflect.get(failing, "events")).toMatchObject([{ name: "exception" }]);
  });

  it("is left alone where nobody asked", () => {
    const { host, tracer } = watched();
    tracer.startSpan("charge").recordException(new Error("declined"));
    expect(host.published.map(({ topic }) => topic)).toEqual(["span:started"]);
  });
});
