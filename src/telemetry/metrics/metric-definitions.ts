/** Every metric of this package: name, meaning, labels, buckets. Dashboards and alerts are written against these. */

const attemptBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];

/** Retries take minutes to hours: the last bounds are for them. */
const lagBuckets = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];

const outboxBuckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

export const counters = {
  events: {
    name: "mova_webhook_events_total",
    help: "Webhook events published, by the plugin they came from.",
    labelNames: ["source", "event_type"],
  },
  dropped: {
    name: "mova_webhook_events_dropped_total",
    help: "Events let go on purpose or by a fault, before they were stored.",
    labelNames: ["source", "reason"],
  },
  deliveries: {
    name: "mova_webhook_deliveries_total",
    help: "Deliveries that reached their end: delivered or dead.",
    labelNames: ["endpoint", "event_type", "outcome"],
  },
  attempts: {
    name: "mova_webhook_attempts_total",
    help: "HTTP attempts, by outcome.",
    labelNames: ["endpoint", "event_type", "outcome"],
  },
  pluginErrors: {
    name: "mova_webhook_plugin_errors_total",
    help: "Errors thrown by source plugins; the components they watch did not notice.",
    labelNames: ["plugin"],
  },
  observerErrors: {
    name: "mova_webhook_observer_errors_total",
    help: "Facts that an observer, such as metrics or log, threw at; the delivery did not notice.",
    labelNames: ["fact"],
  },
  functionErrors: {
    name: "mova_webhook_function_errors_total",
    help: "Times that a handler, logger, clock or random function of the program threw or gave what it must not.",
    labelNames: ["function"],
  },
} as const;

export const histograms = {
  attemptDuration: {
    name: "mova_webhook_attempt_duration_seconds",
    help: "Time from the start of an HTTP attempt to its outcome.",
    labelNames: ["endpoint", "outcome"],
    buckets: attemptBuckets,
  },
  deliveryLag: {
    name: "mova_webhook_delivery_lag_seconds",
    help: "Time from the acceptance of an event to its delivery.",
    labelNames: ["endpoint"],
    buckets: lagBuckets,
  },
  outboxOperation: {
    name: "mova_webhook_outbox_operation_duration_seconds",
    help: "Duration of outbox operations.",
    labelNames: ["operation"],
    buckets: outboxBuckets,
  },
} as const;

export const gauges = {
  outboxDeliveries: {
    name: "mova_webhook_outbox_deliveries",
    help: "Deliveries in the outbox that are pending, being delivered, or dead.",
    labelNames: ["endpoint", "state"],
  },
  outboxOldestDue: {
    name: "mova_webhook_outbox_oldest_due_seconds",
    help: "How long the delivery that is due longest has been waiting; 0 when none is due.",
    labelNames: ["endpoint"],
  },
  inFlight: {
    name: "mova_webhook_in_flight",
    help: "HTTP attempts running at the moment.",
    labelNames: ["endpoint"],
  },
  concurrencyLimit: {
    name: "mova_webhook_concurrency_limit",
    help: "HTTP attempts that may run at the same time.",
    labelNames: ["endpoint"],
  },
  circuitState: {
    name: "mova_webhook_circuit_state",
    help: "State of the circuit breaker: 0 closed, 1 half-open, 2 open.",
    labelNames: ["endpoint"],
  },
  endpointEnabled: {
    name: "mova_webhook_endpoint_enabled",
    help: "1 while the endpoint gets events, 0 while it is disabled.",
    labelNames: ["endpoint"],
  },
  buildInfo: {
    name: "mova_webhook_build_info",
    help: "The running version of mova-webhooks; always 1.",
    labelNames: ["version"],
  },
} as const;

export const metricNames: readonly string[] = [counters, histograms, gauges].flatMap((group) =>
  Object.values(group).map((definition) => definition.name),
);
