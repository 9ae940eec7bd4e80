/** Delivery overview: what is failing, since when, why, and what to do, on the first screen; then the numbers behind. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { buildBoard, objective, ofEndpoint, ofProcess, uids } from "./board.ts";
import { levels } from "./colours.ts";
import {
  heatmapPanel,
  linesPanel,
  numberPanel,
  type Panel,
  type Query,
  statesPanel,
  tablePanel,
  textPanel,
} from "./panels.ts";

const { good, watch, bad, neutral } = levels;

/** `whatToDo` is the runbook in short, in Markdown. */
export function deliveryOverview(whatToDo: string): Dashboard {
  return buildBoard({
    uid: uids.delivery,
    title: "MOVA webhooks / Delivery overview",
    description: "What is failing, since when, why, and what to do.",
    endpoints: "many",
    rows: [
      { panels: [...numbers, ...whatIsWrong(whatToDo)] },
      { title: "Service level", panels: serviceLevel },
      { title: "Flow", panels: flow },
      { title: "Latency", panels: latency },
      { title: "Backlog and headroom", panels: backlog },
      { title: "Endpoints and dead letters", panels: endpoints },
    ],
  });
}

const inRange = (outcome: string): string =>
  `sum(increase(mova_webhook_deliveries_total{${ofEndpoint}${outcome}}[$__range]))`;

const numbers: readonly Panel[] = [
  numberPanel({
    title: "Deliveries that arrived",
    description:
      "Share of the deliveries that ended in the shown time and arrived. The others are dead: kept, and replayable. Retries that are still to come count as neither.",
    unit: "percentunit",
    width: 4,
    height: 4,
    decimals: 2,
    noValue: "none ended",
    query: {
      expr: `1 - (${inRange(',outcome="dead"')} or 0 * ${inRange("")}) / ${inRange("")}`,
    },
    steps: [
      [undefined, bad],
      [0.99, watch],
      [objective, good],
    ],
  }),
  numberPanel({
    title: "Error budget left (30 days)",
    description: `What is left of the ${((1 - objective) * 100).toFixed(1)} % of deliveries that may die in 30 days. Below 0 the objective of ${objective * 100} % is missed. Needs the recording rules.`,
    unit: "percentunit",
    width: 4,
    height: 4,
    decimals: 1,
    noValue: "no rules",
    query: {
      expr: `1 - max(mova_webhook:delivery_errors:ratio_rate30d{job=~"$job"}) / (1 - ${objective})`,
    },
    steps: [
      [undefined, bad],
      [0, watch],
      [0.25, good],
    ],
  }),
  numberPanel({
    title: "Endpoints cut off",
    description: "Endpoints whose circuit is open, or that are disabled. Their deliveries wait.",
    unit: "none",
    width: 4,
    height: 4,
    query: {
      expr: `count(max by (endpoint) (mova_webhook_circuit_state{${ofEndpoint}}) == 2 or min by (endpoint) (mova_webhook_endpoint_enabled{${ofEndpoint}}) == 0) or vector(0)`,
    },
    steps: [
      [undefined, good],
      [1, bad],
    ],
  }),
  numberPanel({
    title: "Oldest due",
    description:
      "How long the delivery that is due longest has been waiting. Retries that are planned for later are not due. More than a minute means that deliveries do not keep up.",
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
    description:
      "Deliveries in the outbox that are due or wait for a retry. Processes that share an outbox each report all of it: choose one instance.",
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
    description: "Deliveries whose retries are spent. They are kept and can be replayed.",
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
];

const failingNow = `topk(10, sum by (endpoint, outcome) (rate(mova_webhook_attempts_total{${ofEndpoint},outcome!="success"}[$__rate_interval])) > 0)`;

const cutOff = [
  `label_replace(0 * (max by (endpoint) (mova_webhook_circuit_state{${ofEndpoint}}) == 2), "outcome", "circuit open", "", "")`,
  `label_replace(0 * (min by (endpoint) (mova_webhook_endpoint_enabled{${ofEndpoint}}) == 0), "outcome", "disabled", "", "")`,
].join(" or ");

function whatIsWrong(whatToDo: string): readonly Panel[] {
  return [
    statesPanel({
      title: "Alerts: what is wrong, and since when",
      description: "One bar for each firing alert, from when it began. Needs the alert rules.",
      unit: "none",
      width: 9,
      height: 12,
      noValue: "No alert has fired in this time",
      query: {
        expr: 'max by (alertname, severity, endpoint, source) (ALERTS{alertname=~"MovaWebhook.+",alertstate="firing",job=~"$job|"})',
        legend: "{{alertname}} {{endpoint}}{{source}}",
      },
      states: { 1: ["firing", bad] },
    }),
    tablePanel({
      title: "Failing endpoints: who, and why",
      description:
        "Attempts that fail now, by endpoint and outcome, worst first; then endpoints that are cut off and hardly tried. A click on the endpoint opens its board. `connect`, `dns`, `tls`, `timeout` and `reset` are network; `http_…` is the receiver's own answer; `blocked` is our address guard.",
      unit: "cps",
      width: 7,
      height: 12,
      noValue: "No attempt fails",
      query: {
        expr: `${failingNow} or ${cutOff}`,
      },
      columns: { endpoint: "Endpoint", outcome: "Why" },
      valueTitle: "Failing",
      steps: [
        [undefined, watch],
        [1, bad],
      ],
      link: {
        title: "Endpoint detail",
        url: `/d/${uids.endpoint}?\${datasource:queryparam}&\${job:queryparam}&\${instance:queryparam}&var-endpoint=\${__value.text}&\${__url_time_range}`,
      },
    }),
    textPanel({
      title: "What to do",
      description: "The runbook in short; the link Runbook above leads to all of it.",
      width: 8,
      height: 12,
      markdown: whatToDo,
    }),
  ];
}

const serviceLevel: readonly Panel[] = [
  linesPanel({
    title: "Burn rate of the error budget",
    description:
      "How many times faster than sustainable the error budget is spent. 1 lasts exactly 30 days; 14.4 over an hour pages (2 % of the budget), 6 over six hours pages (5 %), 1 over three days is a ticket (10 %). Needs the recording rules.",
    unit: "none",
    width: 12,
    height: 8,
    queries: ["5m", "1h", "6h", "3d"].map((window) => ({
      expr: `max(mova_webhook:delivery_errors:ratio_rate${window}{job=~"$job"}) / (1 - ${objective})`,
      legend: window,
    })),
    steps: [
      [undefined, good],
      [1, neutral],
      [6, watch],
      [14.4, bad],
    ],
  }),
  linesPanel({
    title: "Attempts that succeed, by endpoint",
    description:
      "Share of the attempts that got a 2xx. An endpoint at 0 is down; one in between is overloaded or refuses some events. Deliveries may still arrive by retries.",
    unit: "percentunit",
    width: 12,
    height: 8,
    max: 1,
    queries: [
      {
        expr: `(sum by (endpoint) (rate(mova_webhook_attempts_total{${ofEndpoint},outcome="success"}[$__rate_interval])) or 0 * sum by (endpoint) (rate(mova_webhook_attempts_total{${ofEndpoint}}[$__rate_interval]))) / sum by (endpoint) (rate(mova_webhook_attempts_total{${ofEndpoint}}[$__rate_interval]))`,
        legend: "{{endpoint}}",
      },
    ],
  }),
];

const flow: readonly Panel[] = [
  linesPanel({
    title: "Events by source",
    description:
      "Events published, by the plugin they came from; `api` are those the program triggers itself.",
    unit: "eps",
    width: 6,
    height: 8,
    stacked: true,
    queries: [
      {
        expr: `sum by (source) (rate(mova_webhook_events_total{${ofProcess}}[$__rate_interval]))`,
        legend: "{{source}}",
      },
    ],
  }),
  linesPanel({
    title: "Deliveries ended",
    description: "Deliveries that reached their end: delivered, or dead when their retries were spent.",
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
    title: "Attempts by outcome",
    description: "HTTP attempts. Everything but `success` is retried or ends the delivery.",
    unit: "cps",
    width: 6,
    height: 8,
    stacked: true,
    queries: [
      {
        expr: `sum by (outcome) (rate(mova_webhook_attempts_total{${ofEndpoint}}[$__rate_interval]))`,
        legend: "{{outcome}}",
      },
    ],
  }),
  linesPanel({
    title: "Retries by endpoint",
    description:
      "Attempts that did not end their delivery: each plans a retry. A rise is the first sign of trouble.",
    unit: "cps",
    width: 6,
    height: 8,
    queries: [
      {
        expr: `clamp_min(sum by (endpoint) (rate(mova_webhook_attempts_total{${ofEndpoint}}[$__rate_interval])) - (sum by (endpoint) (rate(mova_webhook_deliveries_total{${ofEndpoint}}[$__rate_interval])) or 0 * sum by (endpoint) (rate(mova_webhook_attempts_total{${ofEndpoint}}[$__rate_interval]))), 0)`,
        legend: "{{endpoint}}",
      },
    ],
  }),
];

/** The median and the tails, with exemplars. */
export function quantiles(metric: string, selector: string): readonly Query[] {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${metric}_bucket{${selector}}[$__rate_interval])))`,
    legend: `p${quantile * 100}`,
    exemplars: true,
  }));
}

const latency: readonly Panel[] = [
  heatmapPanel({
    title: "Duration of attempts",
    description:
      "How many attempts took how long. A second band shows a slow endpoint; a band at the timeout, one that hangs. Points are exemplars: a click opens the trace.",
    unit: "s",
    width: 8,
    height: 9,
    query: {
      expr: `sum by (le) (rate(mova_webhook_attempt_duration_seconds_bucket{${ofEndpoint}}[$__rate_interval]))`,
      exemplars: true,
    },
  }),
  linesPanel({
    title: "Attempts: p50, p95, p99",
    description:
      "From the start of an HTTP attempt to its outcome. Points are exemplars: a click opens the trace.",
    unit: "s",
    width: 8,
    height: 9,
    queries: quantiles("mova_webhook_attempt_duration_seconds", ofEndpoint),
    steps: [
      [undefined, good],
      [10, watch],
      [30, bad],
    ],
  }),
  linesPanel({
    title: "Lag: p50, p95, p99",
    description:
      "From the acceptance of an event to its delivery, retries included: what receivers notice. Points are exemplars: a click opens the trace.",
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

const backlog: readonly Panel[] = [
  linesPanel({
    title: "Waiting, by endpoint",
    description:
      "Deliveries that are due or wait for a retry. A line that only rises belongs to an endpoint that is down.",
    unit: "short",
    width: 8,
    height: 8,
    stacked: true,
    queries: [
      {
        expr: `sum by (endpoint) (mova_webhook_outbox_deliveries{${ofEndpoint},state="pending"})`,
        legend: "{{endpoint}}",
      },
    ],
  }),
  linesPanel({
    title: "Oldest due, by endpoint",
    description:
      "How long the delivery that is due longest has been waiting. The slope tells since when it stands still.",
    unit: "s",
    width: 8,
    height: 8,
    queries: [
      {
        expr: `max by (endpoint) (mova_webhook_outbox_oldest_due_seconds{${ofEndpoint}})`,
        legend: "{{endpoint}}",
      },
    ],
    steps: [
      [undefined, good],
      [60, watch],
      [300, bad],
    ],
  }),
  linesPanel({
    title: "In flight against the limit",
    description:
      "Share of an endpoint's concurrency that is in use. At 100 % a slow endpoint holds up its own deliveries; raise its concurrency or find out why it is slow.",
    unit: "percentunit",
    width: 8,
    height: 8,
    max: 1,
    queries: [
      {
        expr: `sum by (endpoint) (mova_webhook_in_flight{${ofEndpoint}}) / sum by (endpoint) (mova_webhook_concurrency_limit{${ofEndpoint}})`,
        legend: "{{endpoint}}",
      },
    ],
    steps: [
      [undefined, good],
      [0.8, watch],
      [1, bad],
    ],
  }),
];

const endpoints: readonly Panel[] = [
  statesPanel({
    title: "Circuits",
    description: "The circuit breaker of each endpoint: open stops attempts, half-open tries one.",
    unit: "none",
    width: 8,
    height: 8,
    query: {
      expr: `max by (endpoint) (mova_webhook_circuit_state{${ofEndpoint}})`,
      legend: "{{endpoint}}",
    },
    states: { 0: ["closed", good], 1: ["half-open", watch], 2: ["open", bad] },
  }),
  statesPanel({
    title: "Enabled",
    description: "Whether an endpoint gets events. A 410 disables it; so does a person.",
    unit: "none",
    width: 8,
    height: 8,
    query: {
      expr: `min by (endpoint) (mova_webhook_endpoint_enabled{${ofEndpoint}})`,
      legend: "{{endpoint}}",
    },
    states: { 0: ["disabled", bad], 1: ["enabled", good] },
  }),
  linesPanel({
    title: "Dead letters, by endpoint",
    description:
      "Dead deliveries that are kept. It rises with every one that died and falls when they are replayed or pruned.",
    unit: "short",
    width: 8,
    height: 8,
    stacked: true,
    queries: [
      {
        expr: `sum by (endpoint) (mova_webhook_outbox_deliveries{${ofEndpoint},state="dead"})`,
        legend: "{{endpoint}}",
      },
    ],
  }),
];
