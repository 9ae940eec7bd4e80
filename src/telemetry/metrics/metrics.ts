/** Counts what observers are told, in a prom-client registry. */
import { Registry } from "prom-client";
import { WebhookError } from "../../event/errors.ts";
import { createGauges, type StateSource } from "./gauges.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { counters, histograms, metricNames } from "./metric-definitions.ts";
import {
  CappedLabels,
  type MetricRegistry,
  otherLabel,
  SeriesCounter,
  SeriesHistogram,
  type Sighting,
} from "./series.ts";

export type { LaneState } from "./gauges.ts";
export type { MetricRegistry } from "./series.ts";

export interface MetricsOptions extends StateSource {
  readonly version: string;
  /** Exemplars are printed only by a registry in OpenMetrics mode. @default a private one in that mode */
  readonly registry?: MetricRegistry;
  /** Endpoints that get a label of their own; those after them share `other`. @default 1000 */
  readonly maxEndpoints?: number;
}

export interface Metrics extends Lifecycle {
  readonly registry: MetricRegistry;
  /** Ends the part this manager has in the gauges. What was counted stays. */
  close(): void;
}

/** Beyond these come typing mistakes and attacks, not plugins. */
const maxEventTypes = 500;
const maxSources = 100;
const maxOperations = 50;

/**
 * Counts into a registry. Managers that share a registry share the metrics; the first one's `maxEndpoints` holds.
 * Throws CONFIG_INVALID when the registry has a metric of our names that is not ours.
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const { registry = createRegistry(), version, now, maxEndpoints = 1000 } = options;
  const shared = seriesOf(registry, maxEndpoints);
  const { endpoints, eventTypes, origins, operations } = shared;
  shared.buildInfo.set({ version }, 1);
  shared.sources.add(options);

  function sighting(traceId: string | undefined): Sighting | undefined {
    return traceId === undefined ? undefined : { traceId, at: now() };
  }

  return {
    registry,
    close() {
      shared.sources.delete(options);
    },
    published({ source, eventType }) {
      shared.events.add(1, { source: origins.of(source), event_type: eventTypes.of(eventType) });
    },
    dropped({ source, reason, count }) {
      shared.dropped.add(count, { source: origins.of(source), reason });
    },
    attempted({ endpointId, eventType, outcome: { outcome, durationMs }, traceId }) {
      const endpoint = endpoints.of(endpointId);
      const seen = sighting(traceId);
      shared.attempts.add(1, { endpoint, event_type: eventTypes.of(eventType), outcome }, seen);
      shared.attemptDuration.record(durationMs / 1000, { endpoint, outcome }, seen);
    },
    settled({ endpointId, eventType, outcome, lagMs, traceId }) {
      const endpoint = endpoints.of(endpointId);
      const seen = sighting(traceId);
      shared.deliveries.add(1, { endpoint, event_type: eventTypes.of(eventType), outcome }, seen);
      if (outcome === "delivered") shared.deliveryLag.record(Math.max(0, lagMs) / 1000, { endpoint }, seen);
    },
    buried({ endpointId, count }) {
      const endpoint = endpoints.of(endpointId);
      shared.deliveries.add(count, { endpoint, event_type: otherLabel, outcome: "dead" });
    },
    pluginFailed({ plugin }) {
      shared.pluginErrors.add(1, { plugin: origins.of(plugin) });
    },
    outboxUsed({ operation, durationMs }) {
      shared.outboxOperation.record(durationMs / 1000, { operation: operations.of(operation) });
    },
    functionFailed({ function: name }) {
      shared.functionErrors.add(1, { function: name });
    },
    observerFailed({ fact }) {
      shared.observerErrors.add(1, { fact });
    },
  };
}

function createRegistry(): MetricRegistry {
  const registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}

type SharedSeries = ReturnType<typeof createSeries>;

const known = new WeakMap<MetricRegistry, SharedSeries>();

function seriesOf(registry: MetricRegistry, maxEndpoints: number): SharedSeries {
  const present = known.get(registry);
  // A registry that was cleared has forgotten them.
  if (present !== undefined && registry.getSingleMetric(counters.events.name) === present.events)
    return present;
  const taken = metricNames.find((name) => registry.getSingleMetric(name) !== undefined);
  if (taken !== undefined) {
    const detail = `The registry already has a metric \`${taken}\` that is not from this package; give \`registry\` another one`;
    throw new WebhookError("CONFIG_INVALID", detail);
  }
  const series = createSeries(registry, maxEndpoints);
  known.set(registry, series);
  return series;
}

function createSeries(registry: MetricRegistry, maxEndpoints: number) {
  const sources = new Set<StateSource>();
  const endpoints = new CappedLabels(maxEndpoints);
  return {
    sources,
    endpoints,
    eventTypes: new CappedLabels(maxEventTypes),
    origins: new CappedLabels(maxSources),
    operations: new CappedLabels(maxOperations),
    events: new SeriesCounter(counters.events, registry),
    dropped: new SeriesCounter(counters.dropped, registry),
    deliveries: new SeriesCounter(counters.deliveries, registry),
    attempts: new SeriesCounter(counters.attempts, registry),
    pluginErrors: new SeriesCounter(counters.pluginErrors, registry),
    functionErrors: new SeriesCounter(counters.functionErrors, registry),
    observerErrors: new SeriesCounter(counters.observerErrors, registry),
    attemptDuration: new SeriesHistogram(histograms.attemptDuration, registry),
    deliveryLag: new SeriesHistogram(histograms.deliveryLag, registry),
    outboxOperation: new SeriesHistogram(histograms.outboxOperation, registry),
    ...createGauges(registry, sources, endpoints),
  };
}
