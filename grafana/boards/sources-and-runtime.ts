/** Sources and runtime: what comes in, what is dropped, how the outbox and the process fare. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dropFaults } from "../../src/telemetry/lifecycle.ts";
import { buildBoard, ofProcess, uids } from "./board.ts";
import { levels } from "./colours.ts";
import { linesPanel, numberPanel, type Panel, statesPanel, tablePanel } from "./panels.ts";

const { good, watch, bad, neutral } = levels;

/** Said on the panels whose metrics the process collects only on request. */
const needsDefaults =
  "Needs prom-client's default metrics: `collectDefaultMetrics({ register: webhooks.registry })`.";

export function sourcesAndRuntime(): Dashboard {
  return buildBoard({
    uid: uids.sources,
    title: "MOVA webhooks / Sources and runtime",
    description: "What comes in, what is dropped, how the outbox and the process fare.",
    rows: [
      { panels: overview },
      { title: "Sources", panels: sources },
      { title: "Outbox", panels: outbox },
      { title: "Process", panels: process },
    ],
  });
}

const overview: readonly Panel[] = [
  numberPanel({
    title: "Events",
    description: "Events published each second, over all sources.",
    unit: "eps",
    width: 4,
    height: 4,
    decimals: 1,
    noValue: "none",
    query: { expr: `sum(rate(mova_webhook_events_total{${ofProcess}}[$__rate_interval]))` },
    steps: [[undefined, neutral]],
  }),
  numberPanel({
    title: "Events dropped",
    description:
      "Events let go in the shown time, before they were stored: on purpose (sampled, coalesced, rate limited) or by a fault.",
    unit: "short",
    width: 4,
    height: 4,
    decimals: 0,
    noValue: "0",
    query: { expr: `sum(increase(mova_webhook_events_dropped_total{${ofProcess}}[$__range])) or vector(0)` },
    steps: [
      [undefined, good],
      [1, watch],
    ],
  }),
  numberPanel({
    title: "Plugin errors",
    description:
      "Errors thrown by source plugins in the shown time. The components they watch did not notice.",
    unit: "short",
    width: 4,
    height: 4,
    decimals: 0,
    noValue: "0",
    query: { expr: `sum(increase(mova_webhook_plugin_errors_total{${ofProcess}}[$__range])) or vector(0)` },
    steps: [
      [undefined, good],
      [1, bad],
    ],
  }),
  numberPanel({
    title: "Event-loop lag (p99)",
    description: `How late timers are. Above 100 ms the program does too much at once, and deliveries are late. ${needsDefaults}`,
    unit: "s",
    width: 4,
    height: 4,
    noValue: "not collected",
    query: { expr: `max(nodejs_eventloop_lag_p99_seconds{${ofProcess}})` },
    steps: [
      [undefined, good],
      [0.1, watch],
      [0.5, bad],
    ],
  }),
  numberPanel({
    title: "Resident memory",
    description: `Memory of the largest process. ${needsDefaults}`,
    unit: "bytes",
    width: 4,
    height: 4,
    noValue: "not collected",
    query: { expr: `max(process_resident_memory_bytes{${ofProcess}})` },
    steps: [
      [undefined, neutral],
      [1_073_741_824, watch],
    ],
  }),
  tablePanel({
    title: "Versions",
    description: "Running versions and how many processes run each.",
    unit: "none",
    width: 4,
    height: 4,
    query: { expr: `count by (version) (mova_webhook_build_info{${ofProcess}})` },
    columns: { version: "Version" },
    valueTitle: "Processes",
    steps: [[undefined, neutral]],
  }),
];

const sources: readonly Panel[] = [
  linesPanel({
    title: "Events by source",
    description:
      "Events published, by plugin; `api` are those the program triggers itself. A line that ends is a source gone silent.",
    unit: "eps",
    width: 6,
    height: 9,
    stacked: true,
    queries: [
      {
        expr: `sum by (source) (rate(mova_webhook_events_total{${ofProcess}}[$__rate_interval]))`,
        legend: "{{source}}",
      },
    ],
  }),
  linesPanel({
    title: "Events by type (top 10)",
    description: "The event types that come most.",
    unit: "eps",
    width: 6,
    height: 9,
    stacked: true,
    queries: [
      {
        expr: `topk(10, sum by (event_type) (rate(mova_webhook_events_total{${ofProcess}}[$__rate_interval])))`,
        legend: "{{event_type}}",
      },
    ],
  }),
  linesPanel({
    title: "Events dropped, by source and reason",
    description: `Faults are ${dropFaults.map((reason) => `\`${reason}\``).join(", ")}; the others are asked for by settings.`,
    unit: "eps",
    width: 6,
    height: 9,
    stacked: true,
    noValue: "No event was dropped",
    queries: [
      {
        expr: `sum by (source, reason) (rate(mova_webhook_events_dropped_total{${ofProcess}}[$__rate_interval]))`,
        legend: "{{source}} {{reason}}",
      },
    ],
  }),
  linesPanel({
    title: "Errors of plugins, observers and functions",
    description:
      "Errors thrown by source plugins, by metrics, console or log at a fact they were told, and by functions given in; the log has each with its stack.",
    unit: "eps",
    width: 6,
    height: 9,
    stacked: true,
    noValue: "None failed",
    queries: [
      {
        expr: `sum by (plugin) (rate(mova_webhook_plugin_errors_total{${ofProcess}}[$__rate_interval]))`,
        legend: "{{plugin}}",
      },
      {
        expr: `sum by (fact) (rate(mova_webhook_observer_errors_total{${ofProcess}}[$__rate_interval]))`,
        legend: "observer: {{fact}}",
      },
      {
        expr: `sum by (function) (rate(mova_webhook_function_errors_total{${ofProcess}}[$__rate_interval]))`,
        legend: "function: {{function}}",
      },
    ],
  }),
];

const outbox: readonly Panel[] = [
  linesPanel({
    title: "Outbox operations",
    description: "Calls of the outbox each second.",
    unit: "ops",
    width: 8,
    height: 9,
    stacked: true,
    queries: [
      {
        expr: `sum by (operation) (rate(mova_webhook_outbox_operation_duration_seconds_count{${ofProcess}}[$__rate_interval]))`,
        legend: "{{operation}}",
      },
    ],
  }),
  linesPanel({
    title: "Outbox: p99 by operation",
    description: "`put` is what `triggerEvent` waits for. A rise is a slow disk or a slow Redis.",
    unit: "s",
    width: 8,
    height: 9,
    queries: [
      {
        expr: `histogram_quantile(0.99, sum by (le, operation) (rate(mova_webhook_outbox_operation_duration_seconds_bucket{${ofProcess}}[$__rate_interval])))`,
        legend: "{{operation}}",
      },
    ],
    steps: [
      [undefined, good],
      [0.1, watch],
      [1, bad],
    ],
  }),
  linesPanel({
    title: "Outbox: time spent",
    description:
      "Seconds spent in outbox operations each second; operations that wait at the same time add up.",
    unit: "s",
    width: 8,
    height: 9,
    stacked: true,
    queries: [
      {
        expr: `sum by (operation) (rate(mova_webhook_outbox_operation_duration_seconds_sum{${ofProcess}}[$__rate_interval]))`,
        legend: "{{operation}}",
      },
    ],
  }),
];

const process: readonly Panel[] = [
  linesPanel({
    title: "Event-loop lag",
    description: `How late timers are; the median and the tail. ${needsDefaults}`,
    unit: "s",
    width: 6,
    height: 8,
    noValue: "not collected",
    queries: [
      { expr: `max(nodejs_eventloop_lag_p50_seconds{${ofProcess}})`, legend: "p50" },
      { expr: `max(nodejs_eventloop_lag_p99_seconds{${ofProcess}})`, legend: "p99" },
    ],
    steps: [
      [undefined, good],
      [0.1, watch],
      [0.5, bad],
    ],
  }),
  linesPanel({
    title: "Memory",
    description: `Resident, and the part that is JavaScript heap. ${needsDefaults}`,
    unit: "bytes",
    width: 6,
    height: 8,
    noValue: "not collected",
    queries: [
      {
        expr: `sum by (instance) (process_resident_memory_bytes{${ofProcess}})`,
        legend: "{{instance}} resident",
      },
      {
        expr: `sum by (instance) (nodejs_heap_size_used_bytes{${ofProcess}})`,
        legend: "{{instance}} heap used",
      },
    ],
  }),
  linesPanel({
    title: "Processor and garbage collection",
    description: `Share of one core in use, and the share that is garbage collection. ${needsDefaults}`,
    unit: "percentunit",
    width: 6,
    height: 8,
    noValue: "not collected",
    queries: [
      {
        expr: `sum by (instance) (rate(process_cpu_seconds_total{${ofProcess}}[$__rate_interval]))`,
        legend: "{{instance}} processor",
      },
      {
        expr: `sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${ofProcess}}[$__rate_interval]))`,
        legend: "{{instance}} garbage collection",
      },
    ],
  }),
  statesPanel({
    title: "Scraped",
    description: "Whether Prometheus reaches the process. While it does not, all boards are blind.",
    unit: "none",
    width: 6,
    height: 8,
    query: { expr: `up{${ofProcess}}`, legend: "{{instance}}" },
    states: { 0: ["down", bad], 1: ["up", good] },
  }),
];
