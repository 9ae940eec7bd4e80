/** Builds every part of a manager, once, in the order of the story. Nobody else knows it. */
import { randomUUID } from "node:crypto";
import { Bus } from "../bus/bus.ts";
import { guardedConnectors, HttpTransport } from "../delivery/http/http-transport.ts";
import { Worker } from "../delivery/worker.ts";
import { carefulLogger } from "../event/careful-logger.ts";
import { carefulNumber } from "../event/careful-number.ts";
import { KnownTypes } from "../event/known-types.ts";
import type { Logger } from "../event/logger.ts";
import { WebhookError } from "../event/errors.ts";
import { followOwnWork } from "../event/own-work.ts";
import { kindNamed, openOutbox } from "../outbox/kinds.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { WatchedOutbox } from "../outbox/watched.ts";
import { Host } from "../plugin/host.ts";
import { EndpointBook } from "../routing/endpoint-book.ts";
import { EventHandlers } from "../routing/event-handlers.ts";
import { refuseLiteral } from "../security/check-url.ts";
import { resolvePolicy } from "../security/network-policy.ts";
import { type Activity, createActivity } from "../telemetry/activity.ts";
import { combineObservers, type givenFunctions, type Lifecycle } from "../telemetry/lifecycle.ts";
import { discreetLogger } from "../telemetry/log/discreet-logger.ts";
import { loggerFromEnvironment } from "../telemetry/log/environment-logger.ts";
import { createLog } from "../telemetry/log/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics/metrics.ts";
import { createTracing } from "../telemetry/tracing/tracing.ts";
import { version } from "../version.ts";
import { EndpointControl } from "./endpoint-control.ts";
import { Endpoints } from "./endpoints.ts";
import { HandOver } from "./hand-over.ts";
import { Intake } from "./intake.ts";
import { ReportedErrors } from "./reported-errors.ts";
import { mergeSettings, type Settings, type WebhookManagerOptions } from "./manager-options.ts";
import { clearTimeout, monotonicNow, setTimeout, wallNow } from "../time/timers.ts";

export interface Parts {
  /** What the process started with; of later ones, only the endpoints are taken over. */
  readonly settings: Settings;
  readonly logger: Logger;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly activity: Activity;
  readonly types: KnownTypes;
  readonly handlers: EventHandlers;
  readonly outbox: WatchedOutbox;
  readonly lifecycle: Required<Lifecycle>;
  readonly worker: Worker;
  readonly intake: Intake;
  readonly bus: Bus;
  readonly host: Host;
  readonly endpoints: Endpoints;
  readonly reportedErrors: ReportedErrors;
  readonly control: EndpointControl;
}

/** Throws CONFIG_INVALID, EVENT_TYPE_UNKNOWN or what is wrong with a registry. */
export function assemble(options: WebhookManagerOptions): Parts {
  const settings = mergeSettings(options);
  const { outbox: given, registry, tracerProvider } = options;
  const {
    defaults,
    network,
    maxBodyBytes,
    maxInFlight,
    maxSockets,
    background,
    config,
    enabled: open,
  } = settings;
  let told: Required<Lifecycle> | undefined;
  const failedAt =
    (name: (typeof givenFunctions)[number]) =>
    (error: unknown): void =>
      told?.functionFailed({ function: name, error });
  const { now, random } = clockAndChance(options, failedAt);
  if (given !== undefined) refuseOlder(given);
  const logger = discreetLogger(
    options.logger === undefined
      ? loggerFromEnvironment(config?.logLevel)
      : carefulLogger(options.logger, failedAt("logger")),
  );
  const types = new KnownTypes(settings.eventTypes);
  const policy = resolvePolicy(network);
  const origin = randomUUID();
  const store = given?.name ?? config?.outbox?.type;
  if (store !== undefined && kindNamed(store)?.isOurs !== true) followOwnWork();

  const metrics = createMetrics({
    ...(registry === undefined ? {} : { registry }),
    version,
    now,
    backlog: () => outbox.counts(),
    lanes: () => endpoints.lanes(),
  });
  const activity = createActivity(now);
  const lifecycle = combineObservers([metrics, activity, createLog(logger, { now })]);
  told = lifecycle;
  const tracing = createTracing({ ...(tracerProvider === undefined ? {} : { tracerProvider }), now });

  const book = new EndpointBook(defaults, (url) => refuseLiteral(url, network));
  const outbox = new WatchedOutbox(given ?? openOutbox(config?.outbox, { now, logger }), lifecycle, tracing);
  const worker = new Worker({
    outbox,
    transport: new HttpTransport({ loadConnectors: guardedConnectors(policy, background), now, maxSockets }),
    tracing,
    lifecycle,
    logger,
    now,
    monotonic: options.now === undefined ? monotonicNow : neverBack(now),
    random,
    origin,
    maxInFlight,
    disable: (cause) => endpoints.disable(cause),
    remember: (endpointId, change) => endpoints.states.remember(endpointId, change),
    statesChanged: () => void endpoints.switches.refresh(),
  });
  const handOver = new HandOver(worker.destinations, now, (at) => worker.expect(at));
  const handlers = new EventHandlers(logger, failedAt("handler"));
  const { table } = book;
  const intake = new Intake({
    ...{ table, handlers, outbox, handOver, lifecycle, tracing, logger, now, maxBodyBytes, origin, open },
  });
  const bus = new Bus(({ owner, topic, error }) =>
    lifecycle.pluginFailed({ plugin: owner, during: `listen ${topic}`, error }),
  );
  const host = new Host({
    bus,
    lifecycle,
    logger,
    now,
    random,
    after: afterDelay,
    intake,
  });
  const reportedErrors = new ReportedErrors({ bus, host, intake, logger });
  const endpoints = new Endpoints({ book, worker, host, intake, outbox, lifecycle, logger, now });
  const control = new EndpointControl({ book, endpoints, outbox, worker, maxBodyBytes, now });
  return {
    ...{ settings, logger, now, metrics, activity, types, handlers, outbox, worker, intake, bus, host },
    ...{ endpoints, reportedErrors, control, lifecycle },
  };
}

/** The end of the year 9999: what comes later has no form that receivers read. */
const lastTime = Date.UTC(10_000, 0) - 1;

/** The program's own where it gives them: see `carefulNumber`. */
function clockAndChance(
  { now, random }: WebhookManagerOptions,
  failedAt: (name: "now" | "random") => (error: unknown) => void,
): { readonly now: () => number; readonly random: () => number } {
  const isTime = (value: number): boolean => value >= 0 && value <= lastTime;
  const ofTime = { name: "now", fits: isTime, ours: wallNow, failed: failedAt("now") };
  const isShare = (value: number): boolean => value >= 0 && value < 1;
  const ofChance = { name: "random", fits: isShare, ours: Math.random, failed: failedAt("random") };
  return {
    now: now === undefined ? wallNow : carefulNumber(now, ofTime),
    random: random === undefined ? Math.random : carefulNumber(random, ofChance),
  };
}

/** An outbox of a program's own that was made for an earlier contract would break at the first delivery. */
function refuseOlder({ name, contract }: Pick<Outbox, "name"> & { readonly contract: number }): void {
  if (contract === 2) return;
  const detail = `The outbox \`${name}\` has contract ${contract}, this package needs contract 2`;
  throw new WebhookError("CONFIG_INVALID", detail, {
    remedy:
      "`claim` takes the endpoint's limits and returns `{ claims, nextAt }`; `expire`, `sendNow`, `cancel`, `missed`, `add`, " +
      "`states`, `saveState`, `loadEndpoints`, `saveEndpoint` and `removeEndpoint` are new, and `guarantees` has " +
      "`transactional` and `clusterLimits`. `outboxSuite` of mova-webhooks/testing checks all of it.",
  });
}

/** The program's own clock may be set back too: for what waits, time goes on from where it was. */
function neverBack(now: () => number): () => number {
  let last = now();
  let setBackMs = 0;
  return function onwards() {
    const at = now();
    if (at < last) setBackMs += last - at;
    last = at;
    return at + setBackMs;
  };
}

/** A held event keeps no process alive: `close` lets go of it. */
function afterDelay(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
