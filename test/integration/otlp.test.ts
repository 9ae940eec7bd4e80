/** Traces as a collector gets them: the real pipeline, the real exporter, OTLP over HTTP in protobuf, a real receiver. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MockOtlpServer, normalizeTrace } from "@elastic/mockotlpserver";
import * as api from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Span {
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code?: string };
}

interface Trace {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

let collector: MockOtlpServer;
let spans: Span[] = [];
const contentTypes = new Set<string | undefined>();
let folder: string;

// One for all tests: it goes on listening to the process's diagnostics channels after it is closed.
beforeAll(async () => {
  collector = new MockOtlpServer({
    services: ["http"],
    httpHostname: "127.0.0.1",
    httpPort: 0,
    logLevel: "error",
    onTrace(trace: unknown) {
      const { resourceSpans } = normalizeTrace(trace, { normAttributes: true }) as Trace;
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    },
    onRequest(request: { readonly headers?: Readonly<Record<string, string>> }) {
      contentTypes.add(request.headers?.["content-type"]);
    },
  });
  await collector.start();
});

afterAll(() => collector.close());

beforeEach(() => {
  spans = [];
  folder = temporaryFolder();
});

afterEach(() => {
  for (const part of [api.trace, api.context, api.propagation]) part.disable();
  for (const name of Object.keys(process.env).filter((key) => key.startsWith("OTEL_")))
    delete process.env[name];
});

/** What a user sets in the environment. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
    OTEL_BSP_SCHEDULE_DELAY: "20",
    ...more,
  };
}

function startSdk(more?: Readonly<Record<string, string>>): NodeSDK {
  Object.assign(process.env, environment(more));
  const sdk = new NodeSDK({ instrumentations: [], autoDetectResources: false });
  sdk.start();
  return sdk;
}

const named = (name: string): Span[] => spans.filter((span) => span.name === name);

const linksOf = (span: Span | undefined): string[] => (span?.links ?? []).map(({ spanId }) => spanId);

describe("over OTLP in protobuf", () => {
  it("component, publish, deliver and POST arrive with their parents, kinds, links and outcomes", async () => {
    const sdk = startSdk();
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 2 ? 503 : 200).end(),
    );
    const manager = testManager({
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01] }],
    });
    await manager.start();
    await api.trace.getTracer("test").startActiveSpan("component", async (span) => {
      await manager.triggerEvent("error.occurred", {});
      span.end();
    });
    const requests = await endpoint.received(2);
    await manager.drain(5000);
    await manager.close();
    await sdk.shutdown();

    const [component] = named("component");
    const [publish] = named("publish error.occurred");
    const delivers = named("deliver error.occurred");
    const posts = named("POST");
    expect([publish, delivers[0], posts[0]].map((span) => span?.kind)).toEqual([
      "SPAN_KIND_PRODUCER",
      "SPAN_KIND_CONSUMER",
      "SPAN_KIND_CLIENT",
    ]);
    expect(publish?.parentSpanId).toBe(component?.spanId);
    expect(delivers.map(({ parentSpanId }) => parentSpanId)).toEqual([publish?.spanId, publish?.spanId]);
    expect(linksOf(delivers[0])).toEqual([publish?.spanId]);
    expect(linksOf(delivers[1])).toEqual([publish?.spanId, delivers[0]?.spanId]);
    expect(posts.map(({ parentSpanId }) => parentSpanId)).toEqual(delivers.map(({ spanId }) => spanId));
    expect(delivers.map(({ status }) => status.code)).toEqual([
      "STATUS_CODE_ERROR",
      expect.not.stringContaining("ERROR"),
    ]);
    expect(posts.map(({ attributes }) => attributes["http.response.status_code"]).map(Number)).toEqual([
      503, 200,
    ]);
    expect(delivers[0]?.attributes).toMatchObject({
      "mova.webhook.endpoint.id": "ops",
      "error.type": "http_5xx",
    });
    expect(requests.map(({ headers }) => headers["traceparent"])).toEqual(
      posts.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
    );
    expect(spans).toHaveLength(6);
    expect([...contentTypes]).toEqual(["application/x-protobuf"]);
  });

  it.skipIf(!sqliteLoads)(
    "a delivery that is retried after its process was killed is linked to its publish span",
    async () => {
      let isUp = false;
      const endpoint = await testEndpoint((_, response) => response.writeHead(isUp ? 200 : 503).end());
      const path = join(folder, "outbox.db");
      const settings = JSON.stringify({ path, url: endpoint.url, secret });
      const program = fileURLToPath(new URL("otlp-publisher.mjs", import.meta.url));
      const child = spawn(process.execPath, ["--import", "tsx", program, settings], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, ...environment() },
      });
      const ended = once(child, "exit");
      const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      const { delivery } = JSON.parse(line) as { readonly delivery: string };
      const hasArrived = (name: string): boolean => named(name).length > 0;
      await until(() => ["component", "publish error.occurred", "deliver error.occurred"].every(hasArrived));
      child.kill("SIGKILL");
      await ended;
      const before = spans.length;
      const [publish] = named("publish error.occurred");
      expect(publish?.parentSpanId).toBe(named("component")[0]?.spanId);

      isUp = true;
      const sdk = startSdk();
      const manager = testManager({
        outbox: sqliteOutbox({ path }),
        endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01] }],
      });
      await manager.start();
      await until(async () => (await manager.get(delivery))?.state === "delivered", 100_000);
      const record = await manager.get(delivery);
      await manager.close();
      await sdk.shutdown();

      const delivers = spans.slice(before).filter(({ name }) => name === "deliver error.occurred");
      const last = delivers.at(-1);
      // A trace of its own, which leads back to the publish span and to the attempt before it.
      expect(last?.parentSpanId ?? "").toBe("");
      expect(last?.traceId).not.toBe(publish?.traceId);
      expect(linksOf(last)).toEqual([publish?.spanId, record?.attempts.at(-2)?.spanId]);
      expect(last?.links?.[0]?.traceId).toBe(publish?.traceId);
      expect(last?.spanId).toBe(record?.attempts.at(-1)?.spanId);
      expect(named("POST").at(-1)?.parentSpanId).toBe(last?.spanId);
    },
    // What was in flight at the kill waits until its holder counts as dead.
    120_000,
  );
});

describe("sampling", () => {
  it("of none sends no span, and the receiver is told that the trace is not sampled", async () => {
    const sdk = startSdk({ OTEL_TRACES_SAMPLER: "always_off" });
    const endpoint = await testEndpoint();
    const manager = testManager({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("error.occurred", {});
    const [request] = await endpoint.received(1);
    await manager.drain(5000);
    const attempt = (await manager.get(deliveries[0] ?? ""))?.attempts[0];
    const metrics = await manager.registry.metrics();
    await manager.close();
    await sdk.shutdown();
    expect(spans).toEqual([]);
    expect(request?.headers["traceparent"]).toMatch(/-00$/);
    // An id that leads nowhere is worse than none.
    expect(attempt?.traceId).toBeUndefined();
    expect(metrics).not.toContain("trace_id=");
  });

  it("of a part keeps whole traces: each event with all of its spans, or none", async () => {
    const sdk = startSdk({ OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.5" });
    const endpoint = await testEndpoint();
    const manager = testManager({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.start();
    for (let count = 0; count < 60; count += 1) await manager.triggerEvent("error.occurred", {});
    const requests = await endpoint.received(60);
    await manager.drain(5000);
    await manager.close();
    await sdk.shutdown();
    const publishes = named("publish error.occurred");
    const traces = new Set(publishes.map(({ traceId }) => traceId));
    // Outside of these bounds once in 10 to the power of 11 runs.
    expect(traces.size).toBeGreaterThan(5);
    expect(traces.size).toBeLessThan(55);
    for (const name of ["deliver error.occurred", "POST"]) {
      expect(new Set(named(name).map(({ traceId }) => traceId))).toEqual(traces);
    }
    expect(spans).toHaveLength(3 * traces.size);
    const sampled = requests.filter(({ headers }) => String(headers["traceparent"]).endsWith("-01"));
    expect(sampled).toHaveLength(traces.size);
  });
});
