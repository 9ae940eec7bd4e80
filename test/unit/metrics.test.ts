/** The metrics contract: names, labels, exemplars, gauges read at the scrape, and registries of others. */
import { Counter, Histogram, Registry } from "prom-client";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AttemptOutcome } from "../../src/event/attempt-outcome.ts";
import type { EndpointCounts } from "../../src/outbox/outbox.ts";
import type { AttemptedFact, SettledFact } from "../../src/telemetry/lifecycle.ts";
import {
  createMetrics,
  type LaneState,
  type Metrics,
  type MetricsOptions,
} from "../../src/telemetry/metrics/metrics.ts";
import { type ParsedSample, parseOpenMetrics } from "./openmetrics-parser.ts";

vi.mock("../../src/time/timers.ts", () => import("../support/followed-timers.ts"));

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const now = 1_700_000_000_500;

function createTestMetrics(options: Partial<MetricsOptions> = {}): Required<Metrics> {
  const metrics = createMetrics({
    version: "1.2.3",
    now: () => now,
    backlog: async () => [],
    lanes: () => [],
    ...options,
  });
  return metrics as Required<Metrics>;
}

function attempted(
  endpointId: string,
  outcome: AttemptOutcome["outcome"],
  more: Partial<AttemptedFact> = {},
): AttemptedFact {
  return {
    deliveryId: "dlv_1",
    eventId: "evt_1",
    eventType: "cache.updated",
    endpointId,
    attempt: 1,
    replay: 0,
    outcome: { outcome, durationMs: 40 },
    next: "delivered",
    ...more,
  };
}

function settled(endpointId: string, more: Partial<SettledFact> = {}): SettledFact {
  const ids = { deliveryId: "dlv_1", eventId: "evt_1", eventType: "cache.updated", endpointId };
  return { ...ids, outcome: "delivered", lagMs: 700, ...more };
}

function lane(endpointId: string, more: Partial<LaneState> = {}): LaneState {
  return { endpointId, inFlight: 0, concurrencyLimit: 16, circuitState: 0, enabled: true, ...more };
}

async function scrape({ registry }: Metrics): Promise<readonly ParsedSample[]> {
  return parseOpenMetrics(await registry.metrics()).samples;
}

/** The values of a metric by its label values, `le` and buckets left out. */
function valuesOf(samples: readonly ParsedSample[], name: string): Record<string, number> {
  const matching = samples.filter((sample) => sample.name === name);
  return Object.fromEntries(matching.map(({ labels, value }) => [Object.values(labels).join(" "), value]));
}

afterEach(() => {
  vi.useRealTimers();
});

describe("what is counted", () => {
  it("appears under the names and labels of the contract, in valid OpenMetrics", async () => {
    const metrics = createTestMetrics({
      backlog: async () => [
        { endpointId: "ops", pending: 1, delivering: 2, dead: 3, oldestDueAt: now - 4000 },
      ],
      lanes: () => [lane("ops")],
    });
    metrics.published({ eventId: "evt_1", eventType: "cache.updated", source: "cache" });
    metrics.dropped({ source: "cache", reason: "sampled", count: 3 });
    metrics.attempted(attempted("ops", "success"));
    metrics.settled(settled("ops"));
    metrics.pluginFailed({ plugin: "cache", during: "translate", error: new Error("x") });
    metrics.outboxUsed({ operation: "put", durationMs: 2 });
    metrics.observerFailed({ fact: "stored", error: new Error("x") });
    metrics.functionFailed({ function: "handler", error: new Error("x") });

    const { types, samples } = parseOpenMetrics(await metrics.registry.metrics());
    const labelsOf = (family: string): string[] => {
      const labels = samples
        .filter((sample) => sample.family === family)
        .flatMap((sample) => Object.keys(sample.labels));
      return [...new Set(labels)].filter((label) => label !== "le");
    };
    const contract = Object.fromEntries(
      [...types].map(([family, type]) => [family, [type, ...labelsOf(family)]]),
    );
    expect(contract).toEqual({
      mova_webhook_events: ["counter", "source", "event_type"],
      mova_webhook_events_dropped: ["counter", "source", "reason"],
      mova_webhook_deliveries: ["counter", "endpoint", "event_type", "outcome"],
      mova_webhook_attempts: ["counter", "endpoint", "event_type", "outcome"],
      mova_webhook_attempt_duration_seconds: ["histogram", "endpoint", "outcome"],
      mova_webhook_delivery_lag_seconds: ["histogram", "endpoint"],
      mova_webhook_outbox_deliveries: ["gauge", "endpoint", "state"],
      mova_webhook_outbox_oldest_due_seconds: ["gauge", "endpoint"],
      mova_webhook_in_flight: ["gauge", "endpoint"],
      mova_webhook_concurrency_limit: ["gauge", "endpoint"],
      mova_webhook_circuit_state: ["gauge", "endpoint"],
      mova_webhook_endpoint_enabled: ["gauge", "endpoint"],
      mova_webhook_plugin_errors: ["counter", "plugin"],
      mova_webhook_observer_errors: ["counter", "fact"],
      mova_webhook_function_errors: ["counter", "function"],
      mova_webhook_outbox_operation_duration_seconds: ["histogram", "operation"],
      mova_webhook_build_info: ["gauge", "version"],
    });
    expect(valuesOf(samples, "mova_webhook_build_info")).toEqual({ "1.2.3": 1 });
    expect(valuesOf(samples, "mova_webhook_events_dropped_total")).toEqual({ "cache sampled": 3 });
  });

  it("adds up per series, durations in seconds", async () => {
    const metrics = createTestMetrics();
    metrics.attempted(attempted("ops", "http_5xx"));
    metrics.attempted(attempted("ops", "http_5xx", { eventType: "llm.request.failed" }));
    metrics.attempted(attempted("ops", "success", { outcome: { outcome: "success", durationMs: 1500 } }));
    metrics.attempted(attempted("ops", "success", { outcome: { outcome: "success", durationMs: 250 } }));
    const samples = await scrape(metrics);
    expect(valuesOf(samples, "mova_webhook_attempts_total")).toEqual({
      "ops cache.updated http_5xx": 1,
      "ops llm.request.failed http_5xx": 1,
      "ops cache.updated success": 2,
    });
    expect(valuesOf(samples, "mova_webhook_attempt_duration_seconds_sum")).toEqual({
      "ops http_5xx": 0.08,
      "ops success": 1.75,
    });
    const buckets = samples.filter(
      (sample) => sample.name.endsWith("seconds_bucket") && sample.labels["outcome"] === "success",
    );
    const counts = Object.fromEntries(buckets.map(({ labels, value }) => [labels["le"], value]));
    expect(counts).toMatchObject({ "0.1": 0, "0.25": 1, "1": 1, "2.5": 2, "+Inf": 2 });
  });

  it("measures the lag of what was delivered, and not of what died", async () => {
    const metrics = createTestMetrics();
    metrics.settled(settled("ops"));
    metrics.settled(settled("ops", { outcome: "dead", reason: "endpoint removed", lagMs: 90_000 }));
    const samples = await scrape(metrics);
    expect(valuesOf(samples, "mova_webhook_deliveries_total")).toEqual({
      "ops cache.updated delivered": 1,
      "ops cache.updated dead": 1,
    });
    expect(valuesOf(samples, "mova_webhook_delivery_lag_seconds_sum")).toEqual({ ops: 0.7 });
  });

  it("keeps endpoint ids with odd characters as they are", async () => {
    const metrics = createTestMetrics();
    const ids = [
      'a"b',
      "back\\slash",
      "new\nline",
      "{le}",
      "} 5 # {x",
      "снова",
      "__proto__",
      "constructor",
      "other",
    ];
    for (const id of ids) metrics.settled(settled(id));
    const found = (await scrape(metrics)).filter((sample) => sample.name === "mova_webhook_deliveries_total");
    expect(found.map((sample) => sample.labels["endpoint"])).toEqual(ids);
  });
});

describe("exemplars", () => {
  it("lead from a counter and from the bucket of an observation to its trace", async () => {
    const metrics = createTestMetrics();
    metrics.attempted(
      attempted("ops", "timeout", { traceId, outcome: { outcome: "timeout", durationMs: 30_000 } }),
    );
    metrics.settled(settled("ops", { traceId }));
    const exemplars = (await scrape(metrics)).filter((sample) => sample.exemplar !== undefined);
    const timestamp = now / 1000;
    const labels = { trace_id: traceId };
    expect(exemplars.map(({ name, labels: { le }, exemplar }) => [name, le, exemplar])).toEqual([
      ["mova_webhook_deliveries_total", undefined, { labels, value: 1, timestamp }],
      ["mova_webhook_attempts_total", undefined, { labels, value: 1, timestamp }],
      ["mova_webhook_attempt_duration_seconds_bucket", "30", { labels, value: 30, timestamp }],
      ["mova_webhook_delivery_lag_seconds_bucket", "1", { labels, value: 0.7, timestamp }],
    ]);
  });

  it("stay when a later observation has no trace", async () => {
    const metrics = createTestMetrics();
    metrics.attempted(attempted("ops", "success", { traceId }));
    metrics.attempted(attempted("ops", "success"));
    const samples = await scrape(metrics);
    expect(samples.filter((sample) => sample.exemplar?.labels["trace_id"] === traceId)).toHaveLength(2);
  });

  it("are not printed by a registry of plain text, which keeps its names over many scrapes", async () => {
    const metrics = createTestMetrics({ registry: new Registry() });
    metrics.attempted(attempted("ops", "success", { traceId }));
    await metrics.registry.metrics();
    const text = await metrics.registry.metrics();
    expect(text).toContain(
      'mova_webhook_attempts_total{endpoint="ops",event_type="cache.updated",outcome="success"} 1\n',
    );
    expect(text).not.toContain(traceId);
  });
});

describe("gauges", () => {
  it("are read when they are scraped, the outbox once", async () => {
    let counts: EndpointCounts[] = [
      { endpointId: "ops", pending: 5, delivering: 1, dead: 2, oldestDueAt: now - 2500 },
    ];
    let lanes = [lane("ops", { inFlight: 3, circuitState: 2, enabled: false })];
    const backlog = vi.fn<() => Promise<EndpointCounts[]>>(async () => counts);
    const metrics = createTestMetrics({ backlog, lanes: () => lanes });
    const first = await scrape(metrics);
    expect(backlog).toHaveBeenCalledTimes(1);
    expect(valuesOf(first, "mova_webhook_outbox_deliveries")).toEqual({
      "ops pending": 5,
      "ops delivering": 1,
      "ops dead": 2,
    });
    expect(valuesOf(first, "mova_webhook_outbox_oldest_due_seconds")).toEqual({ ops: 2.5 });
    expect(valuesOf(first, "mova_webhook_in_flight")).toEqual({ ops: 3 });
    expect(valuesOf(first, "mova_webhook_concurrency_limit")).toEqual({ ops: 16 });
    expect(valuesOf(first, "mova_webhook_circuit_state")).toEqual({ ops: 2 });
    expect(valuesOf(first, "mova_webhook_endpoint_enabled")).toEqual({ ops: 0 });

    counts = [{ endpointId: "new", pending: 0, delivering: 0, dead: 0 }];
    lanes = [lane("new")];
    const second = await scrape(metrics);
    expect(backlog).toHaveBeenCalledTimes(2);
    expect(valuesOf(second, "mova_webhook_outbox_oldest_due_seconds")).toEqual({ new: 0 });
    expect(valuesOf(second, "mova_webhook_endpoint_enabled")).toEqual({ new: 1 });
  });

  it("of an outbox that fails are left out, and the scrape goes on", async () => {
    const metrics = createTestMetrics({
      backlog: () => Promise.reject(new Error("closed")),
      lanes: () => [lane("ops")],
    });
    const samples = await scrape(metrics);
    expect(valuesOf(samples, "mova_webhook_outbox_deliveries")).toEqual({});
    expect(valuesOf(samples, "mova_webhook_in_flight")).toEqual({ ops: 0 });
  });

  it("of an outbox that hangs are left out after two seconds", async () => {
    vi.useFakeTimers();
    const metrics = createTestMetrics({ backlog: () => new Promise(() => {}), lanes: () => [lane("ops")] });
    const scraping = scrape(metrics);
    await vi.advanceTimersByTimeAsync(2_000);
    const samples = await scraping;
    expect(valuesOf(samples, "mova_webhook_outbox_oldest_due_seconds")).toEqual({});
    expect(valuesOf(samples, "mova_webhook_in_flight")).toEqual({ ops: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("of lanes that throw are left out", async () => {
    const metrics = createTestMetrics({
      lanes: () => {
        throw new Error("closing");
      },
    });
    expect(valuesOf(await scrape(metrics), "mova_webhook_in_flight")).toEqual({});
  });
});

describe("the endpoint label", () => {
  it("stops growing at the cap: later endpoints share `other`, in counters and gauges", async () => {
    const ids = ["a", "b", "c", "d"];
    const states = {
      c: { inFlight: 2, circuitState: 1 },
      d: { inFlight: 3, circuitState: 2, enabled: false },
    } as const;
    const metrics = createTestMetrics({
      maxEndpoints: 2,
      backlog: async () =>
        ids.map((endpointId, age) => ({
          endpointId,
          pending: 1,
          delivering: 0,
          dead: 0,
          oldestDueAt: now - age * 1000,
        })),
      lanes: () => ids.map((id) => lane(id, id in states ? states[id as "c"] : {})),
    });
    for (const id of ids) metrics.attempted(attempted(id, "success"));
    const samples = await scrape(metrics);
    expect(valuesOf(samples, "mova_webhook_attempts_total")).toEqual({
      "a cache.updated success": 1,
      "b cache.updated success": 1,
      "other cache.updated success": 2,
    });
    expect(valuesOf(samples, "mova_webhook_outbox_deliveries")).toMatchObject({
      "a pending": 1,
      "other pending": 2,
    });
    expect(valuesOf(samples, "mova_webhook_outbox_oldest_due_seconds")).toEqual({ a: 0, b: 1, other: 3 });
    expect(valuesOf(samples, "mova_webhook_in_flight")).toEqual({ a: 0, b: 0, other: 5 });
    expect(valuesOf(samples, "mova_webhook_circuit_state")).toEqual({ a: 0, b: 0, other: 2 });
    expect(valuesOf(samples, "mova_webhook_endpoint_enabled")).toEqual({ a: 1, b: 1, other: 0 });
  });

  it("and the event type stay bounded whoever invents their values", async () => {
    const metrics = createTestMetrics();
    for (let index = 0; index < 700; index += 1) {
      const eventType = `made.up${index}`;
      metrics.published({ eventId: "evt_1", eventType, source: `source${index}` });
      metrics.outboxUsed({ operation: `operation${index}`, durationMs: 1 });
      metrics.pluginFailed({ plugin: `source${index}`, during: "translate", error: undefined });
    }
    const samples = await scrape(metrics);
    expect(new Set(samples.map((sample) => sample.labels["event_type"])).size).toBe(502);
    expect(new Set(samples.map((sample) => sample.labels["source"])).size).toBe(102);
    expect(new Set(samples.map((sample) => sample.labels["operation"])).size).toBe(52);
    expect(Object.values(valuesOf(samples, "mova_webhook_plugin_errors_total")).reduce((a, b) => a + b)).toBe(
      700,
    );
  });
});

describe("a registry that others use too", () => {
  it("takes two managers: counters are shared, gauges of both are seen until one closes", async () => {
    const registry = new Registry();
    const one = createTestMetrics({ registry, lanes: () => [lane("one"), lane("both", { inFlight: 1 })] });
    const two = createTestMetrics({ registry, lanes: () => [lane("two"), lane("both", { inFlight: 2 })] });
    one.settled(settled("both"));
    two.settled(settled("both"));
    const text = await registry.metrics();
    expect(text).toContain(
      'mova_webhook_deliveries_total{endpoint="both",event_type="cache.updated",outcome="delivered"} 2\n',
    );
    expect(text).toContain('mova_webhook_in_flight{endpoint="both"} 3\n');
    two.close();
    const later = await registry.metrics();
    expect(later).toContain('mova_webhook_in_flight{endpoint="both"} 1\n');
    expect(later).not.toContain('endpoint="two"');
  });

  it("keeps the metrics it had", async () => {
    const registry = new Registry();
    new Counter({ name: "orders_total", help: "Orders.", registers: [registry] }).inc(7);
    const metrics = createTestMetrics({ registry });
    metrics.settled(settled("ops"));
    expect(await registry.metrics()).toContain("orders_total 7\n");
  });

  it("with a stranger's metric of our name is refused, by name, and left as it was", () => {
    const registry = new Registry();
    new Histogram({ name: "mova_webhook_delivery_lag_seconds", help: "Mine.", registers: [registry] });
    const create = () => createTestMetrics({ registry });
    expect(create).toThrow(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("mova_webhook_delivery_lag_seconds"),
      }),
    );
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });

  it("may be reset and cleared by its owner", async () => {
    const registry = new Registry();
    const metrics = createTestMetrics({ registry });
    metrics.attempted(attempted("ops", "success"));
    registry.resetMetrics();
    expect(await registry.metrics()).not.toContain('endpoint="ops"');
    metrics.attempted(attempted("ops", "success"));
    expect(await registry.metrics()).toContain(
      'mova_webhook_attempts_total{endpoint="ops",event_type="cache.updated",outcome="success"} 1\n',
    );
    registry.clear();
    createTestMetrics({ registry }).attempted(attempted("again", "success"));
    expect(await registry.metrics()).toContain('endpoint="again"');
  });

  it("gives the same numbers as JSON, so that cluster aggregation works", async () => {
    const metrics = createTestMetrics();
    metrics.attempted(attempted("ops", "success"));
    const all = await metrics.registry.getMetricsAsJSON();
    const { values } = all.find((metric) => metric.name === "mova_webhook_attempt_duration_seconds") ?? {
      values: [],
    };
    expect(values).toContainEqual(
      expect.objectContaining({ value: 1, labels: { le: 0.05, endpoint: "ops", outcome: "success" } }),
    );
  });
});
