/** Gauges that ask for the present state when they are scraped, so that nothing has to keep them up to date. */
import { Gauge } from "prom-client";
import type { EndpointCounts } from "../../outbox/outbox.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { CappedLabels } from "./series.ts";
import { gauges } from "./metric-definitions.ts";
import type { LabelValues, MetricDefinition, MetricRegistry } from "./series.ts";

export interface LaneState {
  readonly endpointId: string;
  readonly inFlight: number;
  readonly concurrencyLimit: number;
  /** 0 closed, 1 half-open, 2 open. */
  readonly circuitState: 0 | 1 | 2;
  readonly enabled: boolean;
}

/** Whom the gauges ask. There is one for each manager on the registry. */
export interface StateSource {
  backlog(): Promise<readonly EndpointCounts[]>;
  lanes(): Iterable<LaneState>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

interface Row<LabelName extends string> {
  readonly value: number;
  readonly labels: LabelValues<LabelName>;
}

/** How rows with the same labels become one: those of endpoints beyond the cap, and of equal ids in two managers. */
type Merge = (one: number, other: number) => number;
const sum: Merge = (one, other) => one + other;

const backlogStates = ["pending", "delivering", "dead"] as const;

/** An outbox that has not answered by then is left out: this is when the other metrics are wanted most. */
const backlogDeadlineMs = 2_000;

/** Registers the gauges. `sources` is read at every scrape. */
export function createGauges(
  registry: MetricRegistry,
  sources: Iterable<StateSource>,
  endpoints: CappedLabels,
): { readonly buildInfo: Gauge } {
  const readBacklogs = shareWhileRunning(() => readAll(sources));

  createGauge(gauges.outboxDeliveries, sum, async () => {
    const backlogs = await readBacklogs();
    return backlogs.flatMap(({ counts }) => {
      const endpoint = endpoints.of(counts.endpointId);
      return backlogStates.map((state) => ({ value: counts[state], labels: { endpoint, state } }));
    });
  });
  createGauge(gauges.outboxOldestDue, Math.max, async () => {
    const backlogs = await readBacklogs();
    return backlogs.map(({ counts, now }) => {
      const waitedMs = counts.oldestDueAt === undefined ? 0 : Math.max(0, now - counts.oldestDueAt);
      return { value: waitedMs / 1000, labels: { endpoint: endpoints.of(counts.endpointId) } };
    });
  });
  createLaneGauge(gauges.inFlight, sum, (lane) => lane.inFlight);
  createLaneGauge(gauges.concurrencyLimit, sum, (lane) => lane.concurrencyLimit);
  createLaneGauge(gauges.circuitState, Math.max, (lane) => lane.circuitState);
  createLaneGauge(gauges.endpointEnabled, Math.min, (lane) => (lane.enabled ? 1 : 0));
  return { buildInfo: new Gauge({ ...gauges.buildInfo, registers: [registry] }) };

  function createLaneGauge(
    definition: MetricDefinition<"endpoint">,
    merge: Merge,
    read: (lane: LaneState) => number,
  ): void {
    createGauge(definition, merge, async () => {
      const lanes = [...sources].flatMap((source) => [...source.lanes()]);
      return lanes.map((lane) => ({
        value: read(lane),
        labels: { endpoint: endpoints.of(lane.endpointId) },
      }));
    });
  }

  /** A gauge whose state cannot be read has no series in that scrape: none is true, an old one is not. */
  function createGauge<LabelName extends string>(
    definition: MetricDefinition<LabelName>,
    merge: Merge,
    read: () => Promise<readonly Row<LabelName>[]>,
  ): void {
    const { name, help, labelNames } = definition;
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry], collect });

    async function collect(this: Gauge<LabelName>): Promise<void> {
      const rows = await read().catch(() => []);
      this.reset();
      for (const { value, labels } of mergeRows(rows, labelNames, merge)) this.set(labels, value);
    }
  }
}

function mergeRows<LabelName extends string>(
  rows: readonly Row<LabelName>[],
  labelNames: readonly LabelName[],
  merge: Merge,
): Iterable<Row<LabelName>> {
  const merged = new Map<string, Row<LabelName>>();
  for (const row of rows) {
    const key = labelNames.map((name) => row.labels[name]).join("\0");
    const present = merged.get(key);
    merged.set(key, present === undefined ? row : { ...row, value: merge(present.value, row.value) });
  }
  return merged.values();
}

/** Lets all gauges of one scrape share one reading. */
function shareWhileRunning<Result>(read: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  return () => {
    running ??= read().finally(() => {
      running = undefined;
    });
    return running;
  };
}

interface Backlog {
  readonly counts: EndpointCounts;
  readonly now: number;
}

/** Asks every outbox; those that fail or are late are left out. */
async function readAll(sources: Iterable<StateSource>): Promise<readonly Backlog[]> {
  const backlogs = await Promise.all(
    [...sources].map(async (source) => {
      const all = await withDeadline(source.backlog(), backlogDeadlineMs, () => []).catch(() => []);
      const now = source.now();
      return all.map((counts) => ({ counts, now }));
    }),
  );
  return backlogs.flat();
}
