/** Observers are isolated: what one throws is counted, logged and disturbs neither the others nor who tells. */
import { expect, it } from "vitest";
import { createLog } from "../../src/telemetry/log/log.ts";
import { combineObservers, type Lifecycle } from "../../src/telemetry/lifecycle.ts";
import { createMetrics } from "../../src/telemetry/metrics/metrics.ts";
import { parseOpenMetrics } from "./openmetrics-parser.ts";

function createTestMetrics() {
  return createMetrics({ version: "1", now: () => 0, backlog: async () => [], lanes: () => [] });
}

async function observerErrors(metrics: ReturnType<typeof createTestMetrics>): Promise<object[]> {
  const { samples } = parseOpenMetrics(await metrics.registry.metrics());
  return samples
    .filter(({ name }) => name === "mova_webhook_observer_errors_total")
    .map(({ labels, value }) => ({ ...labels, value }));
}

function throwing(): never {
  throw new TypeError("SECRET");
}

const stored = { eventId: "evt_1", eventType: "cache.updated", deliveries: 1 };

it("an observer that throws is counted by the fact it threw at, and the others hear it all the same", async () => {
  const heard: string[] = [];
  const faulty: Lifecycle = { stored: throwing, pluginFailed: throwing };
  const after: Lifecycle = { stored: ({ eventId }) => void heard.push(eventId) };
  const metrics = createTestMetrics();
  const observers = combineObservers([faulty, metrics, after]);
  observers.stored(stored);
  observers.stored(stored);
  observers.pluginFailed({ plugin: "cache", during: "translate", error: undefined });
  expect(heard).toEqual(["evt_1", "evt_1"]);
  expect(await observerErrors(metrics)).toEqual([
    { fact: "stored", value: 2 },
    { fact: "pluginFailed", value: 1 },
  ]);
});

it("an observer that throws is logged once and not for every fact, without the message", () => {
  const lines: unknown[] = [];
  const ignore = (): void => undefined;
  const error = (fields: object, message: string): void => void lines.push([message, fields]);
  const log = createLog({ debug: ignore, info: ignore, warn: ignore, error }, { now: () => 0 });
  const observers = combineObservers([{ stored: throwing }, log]);
  observers.stored(stored);
  observers.stored(stored);
  expect(lines).toEqual([
    ["observer.failed", expect.objectContaining({ fact: "stored", count: 1, error_type: "TypeError" })],
  ]);
  expect(JSON.stringify(lines)).not.toContain("SECRET");
});

it("an observer that throws when it hears of failures, too, does not keep the others from hearing", async () => {
  const metrics = createTestMetrics();
  const observers = combineObservers([{ stored: throwing, observerFailed: throwing }, metrics]);
  observers.stored(stored);
  expect(await observerErrors(metrics)).toEqual([{ fact: "stored", value: 1 }]);
});
