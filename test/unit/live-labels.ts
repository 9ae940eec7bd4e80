/** What a registry exports: every series name, and the labels it has after a scrape. */
import { outcomes } from "../../src/event/attempt-outcome.ts";
import type { MetricRegistry } from "../../src/telemetry/metrics/metrics.ts";

/** Words that `outcome` can be, in attempts and in deliveries. */
export const deliveryEnds: readonly string[] = [...outcomes, "delivered", "dead"];

interface Described {
  readonly name: string;
  readonly labelNames: readonly string[];
  constructor: { readonly name: string };
}

/** Prometheus adds job and instance to all of them. */
export function liveLabels(registry: MetricRegistry): ReadonlyMap<string, ReadonlySet<string>> {
  const labels = new Map<string, ReadonlySet<string>>();
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric(name) as unknown as Described;
    const own = [...metric.labelNames, "job", "instance"];
    if (metric.constructor.name.endsWith("Histogram")) {
      labels.set(`${name}_bucket`, new Set([...own, "le"]));
      labels.set(`${name}_sum`, new Set(own));
      labels.set(`${name}_count`, new Set(own));
    } else {
      labels.set(name, new Set(own));
    }
  }
  return labels;
}
