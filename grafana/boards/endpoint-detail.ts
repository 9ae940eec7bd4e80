/** Endpoint detail: one endpoint, from its state to the reasons of its failures. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { buildBoard, ofEndpoint, uids } from "./board.ts";
import { levels } from "./colours.ts";
import { quantiles } from "./delivery-overview.ts";
import { heatmapPanel, linesPanel, numberPanel, type Panel, statesPanel } from "./panels.ts";

const { good, watch, bad, neutral } = levels;

export function endpointDetail(): Dashboard {
  return buildBoard({
    uid: uids.endpoint,
    title: "MOVA webhooks / Endpoint detail",
    description: "One endpoint: its state, why attempts fail, how long they take, what waits.",
    endpoints: "one",
    rows: [
      { panels: state },
      { title: "Attempts", panels: attempts },
      { title: "Latency", panels: latency },
      { title: "Deliveries and backlog", panels: deliveries },
    ],
  });
}

const attemptsRate = (selector: string): string =>
  `rate(mova_webhook_attempts_total{${ofEndpoint}${selector}}[$__rate_interval])`;

const state: readonly Panel[] = [
  numberPanel({
    title: "Attempts that succeed",
    description: "Share of the attempts in the shown time that got a 2xx.",
    unit: "percentunit",
    width: 4,
    height: 4,
    decimals: 1,
    noValue: "no attempt",
    query: {
      expr: `(sum(increase(mova_webhook_attempts_total{${ofEndpoint},outcome="success"}[$__range])) or 0 * sum(increase(mova_webhook_attempts_total{${ofEndpoint}}[$__range]))) / sum(increase(mova_webhook_attempts_total{${ofEndpoint}}[$__range]))`,
    },
    steps: [
      [undefined, bad],
      [0.9, watch],
      [0.99, good],
    ],
  }),
  numberPanel({
    title: "Oldest due",
    description: "How long the delivery that is due longest has been waiting.",
    unit: "s",
    width: 4,
    height: 4,
    decimals: 1,
    query: { expr: `max(mova_webhook_outbox_oldest_due_seconds{${ofEndpoint}})` },
    steps: [
      [undefined, good],
      [60, watch],
      [300, bad],
    ],
  }),
  numberPanel({
    title: "Waiting",
    description: "Deliveries that are due or wait for a retry.",
    unit: "short",
    width: 4,
    height: 4,
    query: { expr: `sum(mova_webhook_outbox_deliveries{${ofEndpoint},state="pending"})` },
    steps: [
      [undefined, neutral],
      [1000, watch],
      [10_000, bad],
    ],
  }),
  numberPanel({
    title: "Dead letters",
    description: "Deliveries whose retries are spent; replay them once the endpoint is well again.",
    unit: "short",
    width: 4,
    height: 4,
    query: { expr: `sum(mova_webhook_outbox_deliveries{${ofEndpoint},state="dead"})` },
    steps: [
      [undefined, good],
      [1, watch],
      [1000, bad],
    ],
  }),
  statesPanel({
    title: "Circuit",
    description: "The circuit breaker over time: open stops attempts, half-open tries one.",
    unit: "none",
    width: 4,
    height: 4,
    query: {
      expr: `max by (endpoint) (mova_webhook_circuit_state{${ofEndpoint}})`,
      legend: "{{endpoint}}",
    },
    states: { 0: ["closed", good], 1: ["half-open", watch], 2: ["open", bad] },
  }),
  statesPanel({
    title: "Enabled",
    description: "Whether the endpoint gets events. A 410 disables it; so does a person.",
    unit: "none",
    width: 4,
    height: 4,
    query: {
      expr: `min by (endpoint) (mova_webhook_endpoint_enabled{${ofEndpoint}})`,
      legend: "{{endpoint}}",
    },
    states: { 0: ["disabled", bad], 1: ["enabled", good] },
  }),
];

const attempts: readonly Panel[] = [
  linesPanel({
    title: "Attempts by outcome",
    description: "Why attempts fail, over time.",
    unit: "cps",
    width: 8,
    height: 8,
    stacked: true,
    queries: [{ expr: `sum by (outcome) (${attemptsRate("")})`, legend: "{{outcome}}" }],
  }),
  linesPanel({
    title: "Failed attempts by event type",
    description:
      "Which events the endpoint refuses. One type alone points at its data, all of them at the endpoint.",
    unit: "cps",
    width: 8,
    height: 8,
    stacked: true,
    queries: [
      {
        expr: `sum by (event_type) (${attemptsRate(',outcome!="success"')})`,
        legend: "{{event_type}}",
      },
    ],
  }),
  linesPanel({
    title: "Attempts per delivery",
    description: "1 where every delivery arrives at once; the number of tries where all of them die.",
    unit: "none",
    width: 8,
    height: 8,
    queries: [
      {
        expr: `sum by (endpoint) (${attemptsRate("")}) / (sum by (endpoint) (rate(mova_webhook_deliveries_total{${ofEndpoint}}[$__rate_interval])) > 0)`,
        legend: "{{endpoint}}",
      },
    ],
    steps: [
      [undefined, good],
      [1.5, watch],
      [3, bad],
    ],
  }),
];

const latency: readonly Panel[] = [
  heatmapPanel({
    title: "Duration of attempts",
    description: "How many attempts took how long. Points are exemplars: a click opens the trace.",
    unit: "s",
    width: 8,
    height: 9,
    query: {
      expr: `sum by (le) (rate(mova_webhook_attempt_duration_seconds_bucket{${ofEndpoint}}[$__rate_interval]))`,
      exemplars: true,
    },
  }),
  linesPanel({
    title: "Attempts: p95 by outcome",
    description:
      "Failures that take as long as the timeout keep places busy; those that come at once do not. Points are exemplars: a click opens the trace.",
    unit: "s",
    width: 8,
    height: 9,
    queries: [
      {
        expr: `histogram_quantile(0.95, sum by (le, outcome) (rate(mova_webhook_attempt_duration_seconds_bucket{${ofEndpoint}}[$__rate_interval])))`,
        legend: "{{outcome}}",
        exemplars: true,
      },
    ],
    steps: [
      [undefined, good],
      [10, watch],
      [30, bad],
    ],
  }),
  linesPanel({
    title: "Lag: p50, p95, p99",
    description:
      "From the acceptance of an event to its delivery, retries included. Points are exemplars: a click opens the trace.",
    unit: "s",
    width: 8,
    height: 9,
    queries: quantiles("mova_webhook_delivery_lag_seconds", ofEndpoint),
    steps: [
      [undefined, good],
      [60, watch],
      [300, bad],
    ],
  }),
];

const deliveries: readonly Panel[] = [
  linesPanel({
    title: "Deliveries ended",
    description: "Delivered, or dead when the retries were spent.",
    unit: "cps",
    width: 6,
    height: 8,
    stacked: true,
    queries: [
      {
        expr: `sum by (outcome) (rate(mova_webhook_deliveries_total{${ofEndpoint}}[$__rate_interval]))`,
        legend: "{{outcome}}",
      },
    ],
  }),
  linesPanel({
    title: "In the outbox, by state",
    description: "What waits, what is on its way, what is dead.",
    unit: "short",
    width: 6,
    height: 8,
    queries: [
      {
        expr: `sum by (state) (mova_webhook_outbox_deliveries{${ofEndpoint}})`,
        legend: "{{state}}",
      },
    ],
  }),
  linesPanel({
    title: "Time to empty the backlog",
    description: "What waits, divided by what ends each second. No line: nothing ends at all.",
    unit: "s",
    width: 6,
    height: 8,
    queries: [
      {
        expr: `sum by (endpoint) (mova_webhook_outbox_deliveries{${ofEndpoint},state="pending"}) / (sum by (endpoint) (rate(mova_webhook_deliveries_total{${ofEndpoint}}[$__rate_interval])) > 0)`,
        legend: "{{endpoint}}",
      },
    ],
    steps: [
      [undefined, good],
      [300, watch],
      [3600, bad],
    ],
  }),
  linesPanel({
    title: "In flight and limit",
    description: "Attempts that run, and how many may. Where they meet, the endpoint is the bottleneck.",
    unit: "short",
    width: 6,
    height: 8,
    queries: [
      { expr: `sum(mova_webhook_in_flight{${ofEndpoint}})`, legend: "in flight" },
      { expr: `sum(mova_webhook_concurrency_limit{${ofEndpoint}})`, legend: "limit" },
    ],
  }),
];
