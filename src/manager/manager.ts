/** The front door: every call a user may make, and what it promises; the parts do the work. */
import type { Bus } from "../bus/bus.ts";
import type { PlannedAttempt } from "../delivery/policy/schedule.ts";
import type * as stored from "../event/delivery.ts";
import type { WebhookEndpoint } from "../event/endpoint.ts";
import { followOwnWork } from "../event/own-work.ts";
import type { AnyPlugin, UseOptions } from "../plugin/contract.ts";
import type { ModulePatch } from "../plugin/module-patches.ts";
import type { EndpointInfo } from "../routing/endpoint-book.ts";
import type { EventHandler } from "../routing/event-handlers.ts";
import type { Explanation } from "../routing/explain.ts";
import type { ListeningServer, ListenOptions } from "../server/server.ts";
import type { Metrics } from "../telemetry/metrics/metrics.ts";
import * as calls from "../settings/calls.ts";
import { argument } from "../settings/check.ts";
import { assemble, type Parts } from "./assemble.ts";
import { close, drain, openServer, type Running } from "./ending.ts";
import type { EndpointControl } from "./endpoint-control.ts";
import type { EndpointStatus } from "./endpoints.ts";
import type { Triggered } from "./intake.ts";
import { Life } from "./life.ts";
import { checkOptions, type Reloaded, type Settings, type WebhookManagerOptions } from "./manager-options.ts";
import * as records from "./records.ts";
import { addEndpoint, furnish, load, ready, reload, start, use } from "./phases.ts";

export class WebhookManager {
  readonly #options: WebhookManagerOptions;
  readonly #parts: Parts;
  readonly #life: Life;
  /** What the last reload read. */
  #lastSettings: Settings;
  readonly #running: Running = { stops: [], servers: [] };

  /** Throws CONFIG_INVALID, ENDPOINT_INVALID, ENDPOINT_BLOCKED, SECRET_INVALID or PLUGIN_INVALID. */
  constructor(given: WebhookManagerOptions = {}) {
    const options = checkOptions(given);
    this.#options = options;
    this.#parts = assemble(options);
    this.#lastSettings = this.#parts.settings;
    furnish(this.#parts, options.plugins ?? []);
    this.#life = new Life(load(this.#parts, () => this.#life.refuseAtTheEnd()));
  }

  /** Where components publish what happens to them. */
  get bus(): Bus {
    return this.#parts.bus;
  }

  /** The prom-client registry with all metrics, in OpenMetrics form. */
  get registry(): Metrics["registry"] {
    return this.#parts.metrics.registry;
  }

  /** Begins to deliver, also what was stored before. Rejects with what configuration or store is wrong about. */
  async start(): Promise<void> {
    return this.#life.start(() => start(this.#parts, this.#lastSettings, this.#running, this.#life));
  }

  /** Adds an endpoint. Throws ENDPOINT_INVALID, ENDPOINT_BLOCKED or SECRET_INVALID. */
  addEndpoint(settings: WebhookEndpoint): void {
    this.#life.refuseWhenClosed();
    addEndpoint(this.#parts, settings);
  }

  /** Removes an endpoint; what waited for it is kept as dead. Returns whether there was one. */
  removeEndpoint(urlOrId: string): boolean {
    return this.#parts.endpoints.remove(argument("removeEndpoint", "urlOrId", calls.nonEmptyText, urlOrId));
  }

  get endpoints(): EndpointControl {
    return this.#parts.control;
  }

  getEndpoints(): EndpointInfo[] {
    return this.#parts.endpoints.list();
  }

  /** Switches one endpoint by id or URL; what waits for it waits on. Returns whether there is one. */
  setEndpointEnabled(urlOrId: string, enabled: boolean, reason = "by hand"): boolean {
    return this.#parts.endpoints.switch(urlOrId, enabled, reason);
  }

  /** As `endpoints.enable`. Returns the ids replayed; undefined where there is no such endpoint. */
  enableEndpoint(urlOrId: string, options: calls.Enabling = {}): Promise<readonly string[] | undefined> {
    return this.#parts.control.enableByUrl(urlOrId, options);
  }

  /** Plans the attempts of a delivery that never succeeds; undefined where there is no such endpoint. */
  scheduleOf(urlOrId: string): readonly PlannedAttempt[] | undefined {
    return this.#parts.endpoints.scheduleOf(argument("scheduleOf", "urlOrId", calls.nonEmptyText, urlOrId));
  }

  /**
   * Reads file and environment again and takes over their endpoints; what else changed there needs a restart and is
   * named. Throws what is wrong, and then nothing has changed. Publishes `config.updated` where anything did. What waits
   * for an endpoint that is gone from there waits for who has it, as it does after a restart; with `bury` it is dead.
   */
  reload(options: { readonly bury?: boolean } = {}): Reloaded {
    this.#life.refuseWhenClosed();
    const { bury = false } = argument("reload", "options", calls.reloading, options);
    const how = { isLoaded: this.#life.loaded === undefined, bury };
    const { settings, reloaded } = reload(this.#parts, this.#lastSettings, this.#options, how);
    this.#lastSettings = settings;
    return reloaded;
  }

  /** Calls `handler` in this process with every event of a type or pattern. */
  addEventHandler(type: string, handler: EventHandler): void {
    argument("addEventHandler", "type", calls.eventType, type);
    argument("addEventHandler", "handler", calls.callable(), handler);
    // The plugins that the configuration names may declare it yet.
    this.#parts.types.checkPattern(type, this.#life.loaded === undefined);
    followOwnWork();
    this.#parts.handlers.add(type, handler);
    this.#parts.host.refresh();
  }

  /** Returns whether the handler was there. */
  removeEventHandler(type: string, handler: EventHandler): boolean {
    argument("removeEventHandler", "type", calls.eventType, type);
    argument("removeEventHandler", "handler", calls.callable(), handler);
    const removed = this.#parts.handlers.remove(type, handler);
    this.#parts.host.refresh();
    return removed;
  }

  /**
   * Publishes an event. Resolves when it is stored; rejects with EVENT_TYPE_UNKNOWN, DATA_UNSERIALISABLE, DATA_TOO_LARGE,
   * EVENT_ID_INVALID, EVENT_ID_REUSED, OUTBOX_FULL, OUTBOX_UNAVAILABLE, TRANSACTION_UNSUPPORTED or CLOSED. An `id` that was
   * stored before stores nothing again. It is sent from `deliverAt` on, and not later than `expiresAt`.
   */
  async triggerEvent(type: string, data: unknown = {}, options: calls.Triggering = {}): Promise<Triggered> {
    this.#life.refuseWhenClosed();
    argument("triggerEvent", "type", calls.eventType, type);
    const read = argument("triggerEvent", "options", calls.triggering, options as calls.ReadTriggering);
    if (this.#life.loaded !== undefined) await this.#life.loaded;
    this.#parts.types.check(type);
    return this.#parts.intake.trigger(type, data, read);
  }

  isEnabled(): boolean {
    return this.#parts.intake.isOpen;
  }

  /** Switches the intake of events; what is stored already is delivered all the same. */
  setEnabled(on: boolean): void {
    this.#life.refuseWhenClosed();
    argument("setEnabled", "on", calls.flag, on);
    this.#parts.intake.setOpen(on);
    this.#parts.host.refresh();
  }

  /** Adds a source plugin, and says what of its events is kept. Throws PLUGIN_INVALID or CONFIG_INVALID. */
  use(plugin: AnyPlugin, options: UseOptions = {}): void {
    use(this.#parts, plugin, options);
  }

  /** Publishes `error.occurred` once for an error object that was caught, as `error()` has it. Never throws. */
  reportError(error: unknown, context: Readonly<Record<string, unknown>> = {}): void {
    this.#parts.reportedErrors.report(error, context, this.#life.loaded);
  }

  /** Watches a live component that a plugin recognises; returns it. Throws COMPONENT_UNKNOWN. */
  instrument<Component extends object>(component: Component): Component {
    return this.#parts.host.instrument(component);
  }

  /** Tells whether a plugin of this name is in use. */
  uses(pluginName: string): boolean {
    return this.#parts.host.has(pluginName);
  }

  /** Returns what to patch when modules load, for one plugin or all; `mova-webhooks/instrumentation` does it. */
  modulePatches(pluginName?: string): readonly ModulePatch[] {
    return this.#parts.host.modulePatches(pluginName);
  }

  /** Ends all watching and stores at once what is on its way: for a process's last moment. Never throws. */
  storeNow(): void {
    this.#parts.host.detach();
    this.#parts.intake.storeNow();
  }

  /** Returns a page, newest first. Rejects with CONFIG_INVALID for an unknown key or a wrong value. */
  async find(query: stored.DeliveryQuery = {}): Promise<stored.DeliveryPage> {
    return records.find(this.#parts, query);
  }

  /** Returns a page of attempts. Rejects with CONFIG_INVALID for an unknown key or a wrong value. */
  async attempts(query: stored.AttemptQuery = {}): Promise<stored.AttemptPage> {
    return records.attempts(this.#parts, query);
  }

  async get(deliveryId: string): Promise<stored.Delivery | undefined> {
    return records.get(this.#parts, deliveryId);
  }

  /** Sends a waiting delivery now, in place of the planned retry. Rejects with DELIVERY_UNKNOWN or DELIVERY_BUSY. */
  sendNow(deliveryId: string, by = "code"): Promise<void> {
    return records.sendNow(this.#parts, deliveryId, by);
  }

  /** Makes a waiting delivery dead; a dead one lets go what waits behind it. Rejects as `sendNow` does. */
  cancel(deliveryId: string, reason?: string, by = "code"): Promise<void> {
    return records.cancel(this.#parts, deliveryId, reason, by);
  }

  /** Tells for every endpoint what became of an event and why; undefined where the event is not known. */
  async explain(eventId: string): Promise<Explanation | undefined> {
    return this.#parts.endpoints.explain(argument("explain", "eventId", calls.nonEmptyText, eventId));
  }

  /** Each endpoint with what waits for it. */
  status(): Promise<EndpointStatus[]> {
    return this.#parts.endpoints.status();
  }

  /** Delivers finished deliveries once more. Returns their ids. Rejects with CONFIG_INVALID or ENDPOINT_UNKNOWN. */
  async replay(selection: stored.ReplaySelection): Promise<readonly string[]> {
    return records.replay(this.#parts, selection);
  }

  /** Resolves where it is started and its outbox answers; rejects with the reason where not. */
  ready(): Promise<void> {
    return this.#life.started().then(() => ready(this.#parts));
  }

  /**
   * Serves metrics, health, API and console until the end. Rejects with CONFIG_INVALID for a wrong option, a taken port, or
   * where others could reach it without a token.
   */
  async listen(options?: ListenOptions): Promise<ListeningServer> {
    const { listen } = await import("../server/server.ts");
    return openServer(this.#running, this.#life, () => listen(this, this.#parts, options));
  }

  /** Resolves with true once nothing is due or in flight, with false after `deadlineMs`. Later retries wait on. */
  async drain(deadlineMs: number): Promise<boolean> {
    return drain(this.#parts, argument("drain", "deadlineMs", calls.milliseconds, deadlineMs));
  }

  /**
   * Accepts nothing more and ends what is in flight within `deadlineMs` (250 at least). The next start delivers the rest;
   * a memory outbox delivers what is due until then first, and logs how much is lost.
   */
  async close(deadlineMs = 10_000): Promise<void> {
    const within = argument("close", "deadlineMs", calls.milliseconds, deadlineMs);
    return this.#life.close((time) => close(this.#parts, this.#running, time), within);
  }
}
