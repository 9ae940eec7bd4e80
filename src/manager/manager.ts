/** The front door: settings in; the pipeline assembled, started, asked and closed. */
import type { Bus } from "../bus/bus.ts";
import { checkManagerKeys, checkQuery, checkSelection } from "./checked-calls.ts";
import { mistaken } from "../settings/read/config.ts";
import type { PlannedAttempt } from "../delivery/policy/schedule.ts";
import { Worker } from "../delivery/worker.ts";
import type { Delivery, DeliveryPage, DeliveryQuery } from "../event/delivery.ts";
import { type EndpointStatus, Endpoints } from "./endpoints.ts";
import type { WebhookEndpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import { asOwnWork, followOwnWork } from "../event/own-work.ts";
import { KnownTypes } from "../event/known-types.ts";
import type { Logger } from "../event/logger.ts";
import { createWebhookEvent } from "../event/webhook-event.ts";
import {
  mergeSettings,
  type Reloaded,
  reloadSettings,
  type Settings,
  unknownNames,
  type WebhookManagerOptions,
} from "./manager-options.ts";
import { openOutbox } from "../outbox/open.ts";
import type { Outbox, ReplaySelection } from "../outbox/outbox.ts";
import { keepPruned } from "../outbox/retention.ts";
import { timeOutbox } from "../outbox/timed.ts";
import { Pipeline, type Triggered } from "./pipeline.ts";
import type { AnyPlugin, UseOptions } from "../plugin/contract.ts";
import { loadPlugin } from "../plugin/load.ts";
import type { ModulePatch } from "../plugin/module-patches.ts";
import { EndpointBook, type EndpointInfo } from "../routing/endpoint-book.ts";
import type { EventHandler } from "../routing/event-handlers.ts";
import { type Explanation, explain } from "../routing/explain.ts";
import { refuseLiteral } from "../security/check-url.ts";
import type { ListeningServer, ListenOptions } from "../server/server.ts";
import { type Activity, createActivity } from "../telemetry/activity.ts";
import { discreetLogger } from "../telemetry/log/discreet-logger.ts";
import { combineObservers, type Lifecycle } from "../telemetry/lifecycle.ts";
import { createLog, loggerFromEnvironment } from "../telemetry/log/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics/metrics.ts";
import type { Tracing } from "../telemetry/trace-contract.ts";
import { createTracing } from "../telemetry/tracing/tracing.ts";
import { withDeadline } from "../time/deadline.ts";
import { version } from "../version.ts";

/** Those of which no plugin can hear; what a stranger's is made of may be watched. */
const ownOutboxes: ReadonlySet<string> = new Set(["memory", "sqlite", "redis"]);

export class WebhookManager {
  readonly #options: WebhookManagerOptions;
  /** What the process started with; of later ones, only the endpoints are taken over. */
  readonly #settings: Settings;
  #lastSettings: Settings;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #metrics: Metrics;
  readonly #activity: Activity;
  readonly #lifecycle: Required<Lifecycle>;
  readonly #tracing: Tracing;
  readonly #types: KnownTypes;
  readonly #book: EndpointBook;
  readonly #endpoints: Endpoints;
  readonly #pipeline: Pipeline;
  readonly #servers: ListeningServer[] = [];
  /** What the configuration asks to load; undefined once it is there, or where nothing was asked. */
  #loading: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #stopPruning: (() => void) | undefined;

  /** Throws CONFIG_INVALID, ENDPOINT_INVALID, ENDPOINT_BLOCKED, SECRET_INVALID or PLUGIN_INVALID. */
  constructor(options: WebhookManagerOptions = {}) {
    checkManagerKeys(options);
    this.#options = options;
    this.#settings = mergeSettings(options);
    this.#lastSettings = this.#settings;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#logger = discreetLogger(options.logger ?? loggerFromEnvironment(this.#settings.config?.logLevel));
    this.#types = new KnownTypes(this.#settings.eventTypes);
    const { defaults, network } = this.#settings;
    this.#book = new EndpointBook(defaults, (url) => refuseLiteral(url, network));
    this.#metrics = createMetrics({
      ...(options.registry === undefined ? {} : { registry: options.registry }),
      version,
      now: this.#now,
      backlog: async () => (await this.#outbox()).counts(),
      lanes: () => this.#endpoints.lanes(),
    });
    this.#activity = createActivity(this.#now);
    this.#lifecycle = combineObservers([
      this.#metrics,
      this.#activity,
      createLog(this.#logger, { now: this.#now }),
    ]);
    this.#tracing = createTracing({
      ...(options.tracerProvider === undefined ? {} : { tracerProvider: options.tracerProvider }),
      now: this.#now,
    });
    this.#pipeline = new Pipeline({
      endpoints: this.#book,
      lifecycle: this.#lifecycle,
      tracing: this.#tracing,
      logger: this.#logger,
      now: this.#now,
      random: this.#random,
      maxBodyBytes: this.#settings.maxBodyBytes,
    });
    this.#pipeline.open = this.#settings.enabled;
    this.#endpoints = new Endpoints({
      book: this.#book,
      pipeline: this.#pipeline,
      lifecycle: this.#lifecycle,
      logger: this.#logger,
      now: this.#now,
      outbox: () => this.#outbox(),
    });
    try {
      for (const entry of options.plugins ?? []) {
        if ("use" in entry) {
          const { use, ...choices } = entry;
          this.use(use, choices);
        } else this.use(entry);
      }
      for (const endpoint of this.#settings.endpoints) this.addEndpoint(endpoint);
    } catch (error) {
      // A manager that does not come about leaves nothing behind in a registry it was given.
      this.#metrics.close();
      throw error;
    }
    for (const warning of this.#settings.config?.warnings ?? []) this.#logger.warn({}, warning);
    this.#assemble(options.outbox);
  }

  /** Where components publish what happens to them. */
  get bus(): Bus {
    return this.#pipeline.bus;
  }

  /** The prom-client registry with all metrics, in OpenMetrics form. */
  get registry(): Metrics["registry"] {
    return this.#metrics.registry;
  }

  /** Begins to deliver, also what was stored before. Rejects with what configuration or store is wrong about. */
  async start(): Promise<void> {
    this.#refuseWhenClosed();
    this.#starting ??= this.#start().catch((error: unknown) => {
      // What failed may succeed later.
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /** Adds an endpoint. Throws ENDPOINT_INVALID, ENDPOINT_BLOCKED or SECRET_INVALID. */
  addEndpoint(settings: WebhookEndpoint): void {
    this.#refuseWhenClosed();
    this.#endpoints.add(settings);
  }

  /** Removes an endpoint; what waited for it is kept as dead. Answers whether there was one. */
  removeEndpoint(urlOrId: string): boolean {
    return this.#endpoints.remove(urlOrId);
  }

  getEndpoints(): EndpointInfo[] {
    return this.#endpoints.list();
  }

  /** Switches one endpoint by id or URL; what waits for it waits on. Answers whether there is one. */
  setEndpointEnabled(urlOrId: string, enabled: boolean, reason = "by hand"): boolean {
    return this.#endpoints.switch(urlOrId, enabled, reason);
  }

  /**
   * Switches one endpoint on, as `setEndpointEnabled` does. With `replay`, what it missed is delivered too, also
   * where it was never off: the deliveries that died since its last success. Events that came while it was off were
   * never accepted for it; `explain` names them. Answers the ids replayed; undefined where there is none.
   */
  enableEndpoint(
    urlOrId: string,
    { replay = false }: { readonly replay?: boolean } = {},
  ): Promise<readonly string[] | undefined> {
    return this.#endpoints.enable(urlOrId, replay);
  }

  /** Plans the attempts of a delivery that never succeeds; undefined where there is no such endpoint. */
  scheduleOf(urlOrId: string): readonly PlannedAttempt[] | undefined {
    return this.#endpoints.scheduleOf(urlOrId);
  }

  /**
   * Reads file and environment again and takes over their endpoints; what else changed there needs a restart and is
   * named. Throws what is wrong, and then nothing has changed. Publishes `config.updated` where anything did.
   */
  reload(): Reloaded {
    this.#refuseWhenClosed();
    const { settings, needRestart } = reloadSettings(this.#settings, this.#lastSettings, this.#options);
    this.#refuseUnknownNames(settings);
    const { added, changed, removed } = this.#endpoints.replace(
      this.#lastSettings.configured,
      settings.configured,
    );
    this.#lastSettings = settings;
    const keys = [...added, ...changed, ...removed].map((id) => `webhook.endpoints.${id}`);
    if (keys.length > 0) this.#pipeline.announce("config", "config.updated", { keys, operation: "reload" });
    return { added, changed, removed, needRestart };
  }

  /** Calls `handler` in this process with every event of a type or pattern. */
  addEventHandler(type: string, handler: EventHandler): void {
    // The plugins that the configuration names may declare it yet.
    this.#types.checkPattern(type, this.#loading === undefined);
    followOwnWork();
    this.#pipeline.handlers.add(type, handler);
    this.#pipeline.host.refresh();
  }

  /** Answers whether the handler was there. */
  removeEventHandler(type: string, handler: EventHandler): boolean {
    const removed = this.#pipeline.handlers.remove(type, handler);
    this.#pipeline.host.refresh();
    return removed;
  }

  /**
   * Publishes an event. Resolves when it is stored; rejects with EVENT_TYPE_UNKNOWN, DATA_UNSERIALISABLE,
   * DATA_TOO_LARGE, EVENT_ID_INVALID, OUTBOX_FULL, OUTBOX_UNAVAILABLE or CLOSED. An `id` that was stored before
   * stores nothing again.
   */
  async triggerEvent(
    type: string,
    data: unknown = {},
    { id }: { readonly id?: string } = {},
  ): Promise<Triggered> {
    this.#refuseWhenClosed();
    if (this.#loading !== undefined) await this.#loading;
    this.#types.check(type);
    const event = createWebhookEvent({
      type,
      data,
      occurredAt: this.#now(),
      ...(id === undefined ? {} : { id }),
    });
    return this.isEnabled() ? await this.#pipeline.publish("api", event) : { id: event.id, deliveries: [] };
  }

  isEnabled(): boolean {
    return this.#pipeline.open;
  }

  /** Switches the intake of events; what is stored already is delivered all the same. */
  setEnabled(on: boolean): void {
    this.#refuseWhenClosed();
    this.#pipeline.open = on;
    this.#pipeline.host.refresh();
  }

  /** Adds a source plugin, and says how many of its events are kept and what of their data. Throws PLUGIN_INVALID or CONFIG_INVALID. */
  use(plugin: AnyPlugin, options: UseOptions = {}): void {
    this.#pipeline.host.use(plugin, options);
    this.#types.add(Object.keys(plugin.events));
    const { attach, hearsDeliveries = attach !== undefined } = plugin.instrument ?? {};
    if (hearsDeliveries) followOwnWork();
  }

  /**
   * Publishes `error.occurred` for an error that the program caught, once for every error object. Never throws.
   * What the `error()` plugin is told about volume and redaction applies where it is in use.
   */
  reportError(error: unknown, context: Readonly<Record<string, unknown>> = {}): void {
    const report = (): void => {
      try {
        this.#pipeline.reportError(error, context);
      } catch (failure) {
        this.#logger.warn({ err: failure }, "an error could not be reported");
      }
    };
    if (this.#loading === undefined) report();
    else this.#loading.then(report, report);
  }

  /** Watches a live component that a plugin recognises; returns it. Throws COMPONENT_UNKNOWN. */
  instrument<Component extends object>(component: Component): Component {
    return this.#pipeline.host.instrument(component);
  }

  /** Tells whether a plugin of this name is in use. */
  uses(pluginName: string): boolean {
    return this.#pipeline.host.has(pluginName);
  }

  /** Answers what to patch when modules load, for one plugin or all; `mova-webhooks/instrumentation` does it. */
  modulePatches(pluginName?: string): readonly ModulePatch[] {
    return this.#pipeline.host.modulePatches(pluginName);
  }

  /** Ends all watching and stores at once what is on its way, where the outbox can: for a process's last moment. Never throws. */
  storeNow(): void {
    this.#pipeline.host.detach();
    this.#pipeline.storeNow();
  }

  /** Answers a page, newest first. Rejects with CONFIG_INVALID for an unknown key or a wrong value. */
  async find(query: DeliveryQuery = {}): Promise<DeliveryPage> {
    checkQuery(query);
    return (await this.#outbox()).find(query);
  }

  async get(deliveryId: string): Promise<Delivery | undefined> {
    return (await this.#outbox()).get(deliveryId);
  }

  /** Tells for every endpoint what became of an event and why; undefined where the event is not known. */
  async explain(eventId: string): Promise<Explanation | undefined> {
    const record = await (await this.#outbox()).event(eventId);
    return record && explain(record, (endpointId) => this.#endpoints.standingOf(endpointId));
  }

  /** Each endpoint with what waits for it. */
  status(): Promise<EndpointStatus[]> {
    return this.#endpoints.status();
  }

  /**
   * Delivers finished deliveries once more, under their lanes' limits; answers their ids. Rejects with CONFIG_INVALID
   * for an unknown key or a wrong value, and then replays nothing.
   */
  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    checkSelection(selection);
    const ids = await (await this.#outbox()).replay(selection);
    if (selection.dryRun !== true) this.#pipeline.worker?.wakeAll();
    return ids;
  }

  /** Resolves where it is started and its outbox answers; rejects with the reason where not. */
  async ready(): Promise<void> {
    this.#refuseWhenClosed();
    if (this.#starting === undefined) {
      throw new WebhookError("CLOSED", "This manager is not started", { remedy: "Call `start()`." });
    }
    await this.#starting;
    await (await this.#outbox()).ping();
  }

  /**
   * Serves metrics, health, the API and the console over HTTP, until it is closed or this manager is. Rejects with
   * CONFIG_INVALID where an option is unknown or wrong, where the port is taken, or where others than this machine
   * could reach it without a token.
   */
  async listen(options?: ListenOptions): Promise<ListeningServer> {
    const { listen } = await import("../server/server.ts");
    this.#refuseWhenClosed();
    const { maxBodyBytes } = this.#settings;
    const server = await listen(
      this,
      { activity: this.#activity, logger: this.#logger, maxBodyBytes },
      options,
    );
    this.#servers.push(server);
    return server;
  }

  /** Resolves with true once nothing is due or in flight, with false after `deadlineMs`. Later retries wait on. */
  async drain(deadlineMs: number): Promise<boolean> {
    const startedAt = performance.now();
    await withDeadline(this.#pipeline.stored(), deadlineMs, () => undefined);
    return this.#pipeline.worker?.drain(deadlineMs - (performance.now() - startedAt)) ?? false;
  }

  /**
   * Accepts nothing more and ends what is in flight within `deadlineMs`. With a durable outbox the rest is delivered
   * by the next start; with a memory outbox, what is due is delivered first.
   */
  close(deadlineMs = 10_000): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  #assemble(given: Outbox | undefined): void {
    const { config } = this.#settings;
    const outbox = given ?? openOutbox(config?.outbox, { now: this.#now, logger: this.#logger });
    if (given !== undefined && !ownOutboxes.has(given.name)) followOwnWork();
    if (!(outbox instanceof Promise)) this.#pipeline.outbox = this.#watched(outbox);
    if (!(outbox instanceof Promise) && (config?.plugins ?? []).length === 0) return;
    this.#loading = this.#load(outbox);
    // Whoever needs the parts hears of the failure; until then it is not an unhandled rejection.
    this.#loading.catch(() => undefined);
  }

  async #load(outbox: Outbox | Promise<Outbox>): Promise<void> {
    this.#pipeline.outbox ??= this.#watched(await outbox);
    const { config } = this.#settings;
    const { host } = this.#pipeline;
    const choices = (config?.plugins ?? []).filter(({ name }) => !host.has(name));
    for (const { name, options, ...use } of choices) {
      this.use(await loadPlugin(name, options, config?.sourcePath), use);
    }
    this.#loading = undefined;
  }

  #watched(outbox: Outbox): Outbox {
    return timeOutbox(outbox, this.#lifecycle, (run) => asOwnWork(this.#tracing.suppress, run));
  }

  async #outbox(): Promise<Outbox> {
    if (this.#loading !== undefined) await this.#loading;
    return this.#pipeline.outbox as Outbox;
  }

  async #start(): Promise<void> {
    const outbox = await this.#outbox();
    this.#refuseUnknownNames(this.#lastSettings);
    await outbox.ping();
    // undici is loaded here, not with the package: a program that never delivers does not pay for it.
    const { createTransport } = await import("../delivery/http/create-transport.ts");
    const worker = new Worker({
      outbox,
      transport: createTransport(this.#settings.network, this.#now, this.#settings.background),
      tracing: this.#tracing,
      lifecycle: this.#lifecycle,
      logger: this.#logger,
      now: this.#now,
      monotonic: this.#options.now ?? (() => performance.now()),
      random: this.#random,
      origin: this.#pipeline.origin,
      maxInFlight: this.#settings.maxInFlight,
      disable: (cause) => this.#endpoints.disable(cause),
    });
    for (const { endpoint, enabled } of this.#book.routes()) worker.addEndpoint(endpoint, enabled);
    this.#pipeline.worker = worker;
    this.#pipeline.host.attach();
    await worker.start();
    if (outbox.guarantees.durable) {
      this.#stopPruning = keepPruned(outbox, this.#settings.retention, this.#now, this.#logger);
    }
  }

  async #close(deadlineMs: number): Promise<void> {
    const startedAt = performance.now();
    const leftMs = (): number => Math.max(0, deadlineMs - (performance.now() - startedAt));
    await Promise.allSettled([this.#loading, this.#starting]);
    const { host, outbox, worker } = this.#pipeline;
    this.#stopPruning?.();
    host.detach();
    await withDeadline(this.#pipeline.stored(), leftMs(), () => undefined);
    if (outbox?.guarantees.durable === false) await worker?.drain(leftMs());
    await worker?.close(leftMs());
    // Until now it answered scrapes, and said that it is not ready.
    await Promise.all(this.#servers.map((server) => server.close(leftMs())));
    await outbox?.close();
    this.#metrics.close();
  }

  /** Throws CONFIG_INVALID for plugins that are not there and event types that nobody declares. */
  #refuseUnknownNames(settings: Settings): void {
    const started = new Set(this.#settings.config?.plugins.map(({ name }) => name));
    const hasPlugin = (name: string): boolean => started.has(name) || this.uses(name);
    const mistakes = unknownNames(settings, this.#types, hasPlugin, this.#loading === undefined);
    if (mistakes.length > 0) throw mistaken(mistakes);
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new WebhookError("CLOSED", "This manager was closed");
  }
}
