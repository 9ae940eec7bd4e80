/** What happens inside delivery never becomes an event, whatever is instrumented. */
import { setImmediate as turn } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import * as ioredis from "ioredis";
import { Redis } from "ioredis";
import Keyv from "keyv";
import { memoryOutbox, type Outbox } from "mova-webhooks";
import type { AnyPlugin, ObjectInstrumentation } from "../../src/plugin/contract.ts";
import { cache, config, error, llm, redis, span, validation } from "mova-webhooks/plugins";
import { afterEach, describe, expect, it } from "vitest";
import { redisOutbox } from "../../src/outbox/redis/index.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

const undo: (() => void)[] = [];

afterEach(() => {
  for (const run of undo.splice(0)) run();
  for (const part of [trace, context]) part.disable();
});

/** Every span is an event, and so is every exception. */
const allPlugins = () => [
  ...[validation(), cache(), redis(), llm(), error(), config()],
  span({ rules: [{ event: "span.started", on: "start" }, {}], exceptions: true }),
];

function traceUndici(provider?: BasicTracerProvider): void {
  const instrumentation = new UndiciInstrumentation();
  undo.push(
    registerInstrumentations({
      instrumentations: [instrumentation],
      ...(provider && { tracerProvider: provider }),
    }),
  );
  undo.push(() => instrumentation.disable());
}

function typesAt(endpoint: { readonly requests: readonly { readonly headers: object }[] }): string[] {
  return endpoint.requests.map(({ headers }) => String(Reflect.get(headers, "x-mova-event")));
}

/** A manager with one event that its endpoint refused and, tried again, refused again. */
async function failing(plugin: AnyPlugin) {
  const endpoint = await testEndpoint(500);
  const manager = testManager({
    plugins: [plugin],
    endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01], retries: 1 }],
  });
  await manager.start();
  await manager.triggerEvent("config.updated");
  await endpoint.received(2);
  return { endpoint, manager };
}

async function droppedBy(manager: ReturnType<typeof testManager>): Promise<string[]> {
  const text = await manager.registry.metrics();
  return text.split("\n").filter((line) => line.startsWith("mova_webhook_events_dropped_total{"));
}

describe("spans of real HTTP instrumentation", () => {
  it("of the program become events; those of the deliveries that fail do not", async () => {
    new NodeTracerProvider().register();
    traceUndici();
    const service = await testEndpoint(200);
    const endpoint = await testEndpoint(500);
    const rules = [
      { scope: "@opentelemetry/instrumentation-undici", attributes: ["http.request.method", "url.path"] },
    ];
    const manager = testManager({
      plugins: [...allPlugins().slice(0, -1), span({ rules, exceptions: true })],
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01, 0.01, 0.01] }],
    });
    await manager.start();
    await (await fetch(service.url)).text();
    await until(async () => (await manager.find({ state: "dead" })).deliveries.length === 1);
    expect(await manager.drain(5000)).toBe(true);
    expect(typesAt(endpoint)).toEqual(Array.from({ length: 4 }, () => "span.ended"));
    expect(JSON.parse(endpoint.requests[0]?.body.toString() ?? "")).toMatchObject({
      data: {
        name: "GET",
        kind: "client",
        attributes: { "http.request.method": "GET", "url.path": "/hook" },
      },
    });
    expect(await droppedBy(manager)).toEqual([]);
  });

  it("are suppressed in deliveries also where another provider than the registered one traces them", async () => {
    new NodeTracerProvider().register();
    const plugin = span({ rules: [{}] });
    const own = new BasicTracerProvider({ spanProcessors: [plugin.processor] });
    trace.disable();
    traceUndici(own);
    const { endpoint, manager } = await failing(plugin);
    expect(await manager.drain(5000)).toBe(true);
    expect(typesAt(endpoint)).toEqual(["config.updated", "config.updated"]);
    expect(await droppedBy(manager)).toEqual([]);
  });

  it("of deliveries are dropped as a loop where nothing can suppress them, for want of a context manager", async () => {
    const plugin = span({ rules: [{}] });
    traceUndici(new BasicTracerProvider({ spanProcessors: [plugin.processor] }));
    const { endpoint, manager } = await failing(plugin);
    await until(async () => (await droppedBy(manager)).some((line) => line.endsWith("} 2")));
    expect(await droppedBy(manager)).toEqual([
      'mova_webhook_events_dropped_total{source="span",reason="loop"} 2',
    ]);
    expect(typesAt(endpoint)).toEqual(["config.updated", "config.updated"]);
  });
});

describe("an outbox of instrumented parts", () => {
  /** Every operation sets a key in a watched cache, makes a span, and records an exception. */
  function chatty(cached: Keyv): Outbox {
    const inner = memoryOutbox();
    const tracer = trace.getTracer("redis-instrumentation");
    async function work(): Promise<void> {
      const command = tracer.startSpan("SET");
      await cached.set("key", "value");
      command.recordException(new Error("store's own"));
      command.end();
    }
    return {
      ...{ contract: 2, name: "chatty", guarantees: inner.guarantees, leaseMs: inner.leaseMs },
      put: async (submissions) => (await work(), inner.put(submissions)),
      claim: async (endpointId, limit) => (await work(), inner.claim(endpointId, limit)),
      settle: async (...settled) => (await work(), inner.settle(...settled)),
      due: async () => (await work(), inner.due()),
      find: async (query) => (await work(), inner.find(query)),
      get: async (id) => (await work(), inner.get(id)),
      event: async (id) => (await work(), inner.event(id)),
      replay: async (selection) => (await work(), inner.replay(selection)),
      expire: async () => (await work(), inner.expire()),
      sendNow: async (...call) => (await work(), inner.sendNow(...call)),
      cancel: async (...call) => (await work(), inner.cancel(...call)),
      missed: async (...call) => (await work(), inner.missed(...call)),
      add: async (deliveries) => (await work(), inner.add(deliveries)),
      states: async () => (await work(), inner.states()),
      saveState: async (...call) => (await work(), inner.saveState(...call)),
      loadEndpoints: async () => (await work(), inner.loadEndpoints()),
      saveEndpoint: async (endpoint) => (await work(), inner.saveEndpoint(endpoint)),
      removeEndpoint: async (id) => (await work(), inner.removeEndpoint(id)),
      bury: async (...buried) => (await work(), inner.bury(...buried)),
      counts: async () => (await work(), inner.counts()),
      prune: async (limits) => (await work(), inner.prune(limits)),
      ping: async () => (await work(), inner.ping()),
      close: async () => (await work(), inner.close()),
    };
  }

  it("makes no event of what it does", async () => {
    new NodeTracerProvider().register();
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 3 ? 500 : 200).end(),
    );
    const cached = new Keyv();
    const manager = testManager({
      plugins: allPlugins(),
      outbox: chatty(cached),
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01] }],
    });
    manager.instrument(cached);
    await manager.start();
    await manager.triggerEvent("config.updated");
    await endpoint.received(2);
    await until(async () => (await manager.find({})).deliveries.length === 1);
    expect(await manager.drain(5000)).toBe(true);
    await manager.replay({ state: "dead" });
    expect(await manager.drain(5000)).toBe(true);
    expect(new Set(typesAt(endpoint))).toEqual(new Set(["config.updated"]));
    expect((await manager.find({})).deliveries).toHaveLength(1);
    expect((await droppedBy(manager)).filter((line) => !line.includes('source="cache"'))).toEqual([]);
    await cached.set("the program's own", 1);
    await until(() => typesAt(endpoint).includes("cache.updated"));
  });
});

describe("the Redis outbox's own connection", () => {
  it("makes no redis.connected, and no span event of its commands", async () => {
    new NodeTracerProvider().register();
    const prefix = `mova-test-${process.pid}-${performance.now()}`;
    const outbox = redisOutbox({ url: "redis://127.0.0.1:6379", prefix });
    const endpoint = await testEndpoint();
    const heard: string[] = [];
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    for (const plugin of allPlugins())
      manager.use(plugin.name === "redis" ? withPatchedIoredis(plugin) : plugin);
    manager.instrument(ioredis);
    manager.addEventHandler("*", ({ event_type }) => heard.push(event_type));
    await manager.start();
    await manager.triggerEvent("config.updated");
    await endpoint.received(1);
    expect(await manager.drain(5000)).toBe(true);
    expect(heard).toEqual(["config.updated"]);
    expect(await droppedBy(manager)).toEqual([]);

    const own = new Redis("redis://127.0.0.1:6379");
    undo.push(() => own.disconnect());
    await until(() => heard.includes("redis.connected"));
    expect(heard).toEqual(["config.updated", "redis.connected"]);
    await manager.close();
    const keys = await own.keys(`*${prefix}*`);
    if (keys.length > 0) await own.del(...keys);
  });
});

describe("a filter or a handler whose components are instrumented", () => {
  it("makes no event of what they do", async () => {
    const cached = new Keyv();
    const endpoint = await testEndpoint();
    const filter = (): boolean => {
      void cached.set("seen by", "the filter");
      return true;
    };
    const manager = testManager({
      plugins: [cache(), error()],
      endpoints: [{ url: endpoint.url, secret, filter }],
    });
    manager.addEventHandler("cache.*", () => {
      void cached.set("seen by", "the handler");
      manager.reportError(new Error("handler's own"));
    });
    manager.instrument(cached);
    await manager.start();
    await cached.set("once", 1);
    await endpoint.received(1);
    await turn();
    expect(await manager.drain(5000)).toBe(true);
    expect(typesAt(endpoint)).toEqual(["cache.updated"]);
  });
});

/** Patches the library as the loader hook does, when the library itself is given to `instrument`. */
function withPatchedIoredis(plugin: AnyPlugin): AnyPlugin {
  const modules = (plugin.instrument?.modules ?? []).filter(({ module }) => module === "ioredis");
  expect(modules).not.toEqual([]);
  const library: ObjectInstrumentation = {
    library: "ioredis itself",
    recognises: (component) => component === ioredis,
    attach(component, host) {
      for (const { patch } of modules) patch(component, host);
      return component;
    },
  };
  return { ...plugin, instrument: { objects: [library] } };
}
