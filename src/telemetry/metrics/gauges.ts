/** Gauges that ask for the present state when they are scraped, so that nothing has to keep them up to date. */
import { Gauge } from "prom-client";
import type { EndpointCounts } from "../../outbox/outbox.ts";
import type { CappedLabels } from "./capped-labels.ts";
import { gauges } from "./metric-definitions.ts";
import type { MetricDefinition, MetricRegistry } from "./series.ts";

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

/** A value and the values of its labels, in the order of the definition. */
type Row = readonly [value: number, ...labelValues: string[]];

/** How rows meet that have the same labels: endpoints beyond the cap, and equal ids in two managers. */
type Merge = (one: number, other: number) => number;
const sum: Merge = (one, other) => one + other;

/** An outbox that has not answered by then is left out: the other metrics are wanted most just then. */
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
    return backlogs.flatMap(({ counts }): Row[] => {
      const endpoint = endpoints.of(counts.endpointId);
      return [
        [counts.pending, endpoint, "pending"],
        [counts.delivering, endpoint, "delivering"],
        [counts.dead, endpoint, "dead"],
      ];
    });
  });
  createGauge(gauges.outboxOldestDue, Math.max, async () => {
    const backlogs = await readBacklogs();
    return backlogs.map(({ counts, now }): Row => {
      const waitedMs = counts.oldestDueAt === undefined ? 0 : Math.max(0, now - counts.oldestDueAt);
      return [waitedMs / 1000, endpoints.of(counts.endpointId)];
    });
  });
  createLaneGauge(gauges.inFlight, sum, (lane) => lane.inFlight);
  createLaneGauge(gauges.concurrencyLimit, sum, (lane) => lane.concurrencyLimit);
  createLaneGauge(gauges.circuitState, Math.max, (lane) => lane.circuitState);
  createLaneGauge(gauges.endpointEnabled, Math.min, (lane) => (lane.enabled ? 1 : 0));
  return { buildInfo: new Gauge({ ...gauges.buildInfo, registers: [registry] }) };

  function createLaneGauge(
    definition: MetricDefinition,
    merge: Merge,
    read: (lane: LaneState) => number,
  ): void {
    createGauge(definition, merge, async () => {
      const lanes = [...sources].flatMap((source) => [...source.lanes()]);
      return lanes.map((lane): Row => [read(lane), endpoints.of(lane.endpointId)]);
    });
  }

  /** A gauge whose state cannot be read has no series in that scrape: none is true, an old one is not. */
  function createGauge(
    definition: MetricDefinition,
    merge: Merge,
    read: () => Promise<readonly Row[]>,
  ): void {
    const { name, help, labelNames } = definition;
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry], collect });

    async function collect(this: Gauge): Promise<void> {
      const rows = await read().catch(() => []);
      this.reset();
      for (const [value, ...labelValues] of mergeRows(rows, merge)) {
        this.set(
          Object.fromEntries(labelNames.map((label, index) => [label, labelValues[index] ?? ""])),
          value,
        );
      }
    }
  }
}

function mergeRows(rows: readonly Row[], merge: Merge): Iterable<Row> {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const [value, ...labelValues] = row;
    const key = labelValues.join("\0");
    const present = merged.get(key);
    merged.set(key, present === undefined ? row : [merge(present[0], value), ...labelValues]);
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
      const all = await beforeDeadline(source).catch(() => []);
      const now = source.now();
      return all.map((counts) => ({ counts, now }));
    }),
  );
  return backlogs.flat();
}

async function beforeDeadline(source: StateSource): Promise<readonly EndpointCounts[]> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<readonly EndpointCounts[]>((resolve) => {
    timer = setTimeout(resolve, backlogDeadlineMs, []);
  });
  try {
    return await Promise.race([source.backlog(), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
