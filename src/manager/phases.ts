/** The phases of a manager: it gets its first plugins and endpoints, loads what is configured, starts, reloads. */
import type { Endpoint, WebhookEndpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import type { KnownTypes } from "../event/known-types.ts";
import { followOwnWork } from "../event/own-work.ts";
import { mistaken } from "../settings/read/config.ts";
import { isWellButFull } from "../outbox/refusals.ts";
import { keepPruned } from "../outbox/retention.ts";
import { loadPlugin } from "../plugin/load.ts";
import type { AnyPlugin, UseOptions } from "../plugin/contract.ts";
import { withDeadline } from "../time/deadline.ts";
import type { Parts } from "./assemble.ts";
import type { Running } from "./ending.ts";
import type { Life } from "./life.ts";
import {
  type PluginUse,
  type Reloaded,
  reloadSettings,
  type Settings,
  unknownNames,
  type WebhookManagerOptions,
} from "./manager-options.ts";

/** Brings in the plugins and endpoints that are there from the beginning. */
export function furnish(parts: Parts, plugins: readonly (AnyPlugin | PluginUse)[]): void {
  const { settings, endpoints, metrics, logger } = parts;
  try {
    for (const entry of plugins) {
      if ("use" in entry) {
        const { use: plugin, ...choices } = entry;
        use(parts, plugin, choices);
      } else use(parts, entry, {});
    }
    for (const endpoint of settings.endpoints) endpoints.add(endpoint);
  } catch (error) {
    // A manager whose construction failed leaves nothing behind in a registry it was given.
    metrics.close();
    throw error;
  }
  for (const warning of settings.config?.warnings ?? []) logger.warn({}, warning);
}

/** Takes a plugin into use, and the types it declares. Throws PLUGIN_INVALID or CONFIG_INVALID. */
export function use({ host, types }: Parts, plugin: AnyPlugin, options: UseOptions): void {
  host.use(plugin, options);
  types.add(Object.keys(plugin.events));
  const { attach, hearsDeliveries = attach !== undefined } = plugin.instrument ?? {};
  if (hearsDeliveries) followOwnWork();
}

/** Waits for the outbox and loads the plugins of the configuration; undefined where there is nothing to wait for. */
export function load(parts: Parts, refuseAtTheEnd: () => void): Promise<void> | undefined {
  const { settings, outbox, host } = parts;
  const { plugins: named = [], sourcePath } = settings.config ?? {};
  if (outbox.isOpen && named.length === 0) return undefined;
  return loadAll();

  async function loadAll(): Promise<void> {
    await outbox.opened;
    for (const { name, options, ...choices } of named.filter((choice) => !host.has(choice.name))) {
      const plugin = await loadPlugin(name, options, sourcePath);
      refuseAtTheEnd();
      use(parts, plugin, choices);
    }
  }
}

/** Begins to deliver. Rejects with CONFIG_INVALID, CLOSED where it is closed meanwhile, or what is wrong with the outbox. */
export async function start(
  parts: Parts,
  settings: Settings,
  running: Running,
  life: Pick<Life, "refuseAtTheEnd">,
): Promise<void> {
  const { outbox, worker, host, now, logger } = parts;
  refuseUnknownNames(parts, settings, true);
  refuseUnmatched(parts.types, parts.endpoints.list());
  try {
    await outbox.ping();
  } catch (error) {
    // Delivering is what makes room.
    if (!isWellButFull(error)) throw error;
    logger.warn({ err: error }, "the outbox takes no events, but what waits in it is delivered");
  }
  life.refuseAtTheEnd();
  await parts.endpoints.switches.refresh();
  host.attach();
  await worker.start();
  life.refuseAtTheEnd();
  if (outbox.guarantees.durable)
    running.stops.push(keepPruned(outbox, parts.settings.retention, now, logger));
}

/** Longer than any store of ours needs to say that it does not answer. */
const readyWithinMs = 15_000;
/** Resolves where the store takes what is written; rejects with what is wrong about it. */
export async function ready({ outbox }: Parts): Promise<void> {
  await withDeadline(outbox.ping(), readyWithinMs, () => {
    throw new WebhookError(
      "OUTBOX_UNAVAILABLE",
      `The outbox did not answer within ${readyWithinMs / 1000} s`,
    );
  });
}

/** Adds an endpoint. Until the start, a plugin may come that declares what it wants. */
export function addEndpoint({ endpoints, types, worker }: Parts, settings: WebhookEndpoint): void {
  endpoints.add(settings, worker.isStarted ? (endpoint) => refuseUnmatched(types, [endpoint]) : undefined);
}

/**
 * Reads the configuration again and takes over its endpoints. Throws what is wrong, and then nothing has changed.
 * Announces `config.updated` where anything did.
 */
export function reload(
  parts: Parts,
  last: Settings,
  options: WebhookManagerOptions,
  { isLoaded, bury }: { readonly isLoaded: boolean; readonly bury: boolean },
): { readonly settings: Settings; readonly reloaded: Reloaded } {
  const { endpoints, intake } = parts;
  const { settings, needRestart } = reloadSettings(parts.settings, last, options);
  refuseUnknownNames(parts, settings, isLoaded);
  const { added, changed, removed } = endpoints.replace(last.configured, settings.configured, bury);
  const keys = [...added, ...changed, ...removed].map((id) => `webhook.endpoints.${id}`);
  if (keys.length > 0) intake.announce("config", "config.updated", { keys, operation: "reload" });
  return { settings, reloaded: { added, changed, removed, needRestart } };
}

/** Throws EVENT_TYPE_UNKNOWN where nothing would ever match what an endpoint wants, once all plugins are in use. */
function refuseUnmatched(types: KnownTypes, endpoints: readonly Pick<Endpoint, "id" | "eventTypes">[]): void {
  for (const { id, eventTypes } of endpoints) {
    const problem = eventTypes.map((each) => types.whyUnmatched(each, [], true)).find(Boolean);
    if (problem === undefined) continue;
    throw new WebhookError("EVENT_TYPE_UNKNOWN", `In \`eventTypes\` of endpoint \`${id}\`: ${problem}`);
  }
}

/** Throws CONFIG_INVALID for plugins that are not there and event types that nobody declares. */
function refuseUnknownNames(parts: Parts, settings: Settings, loaded: boolean): void {
  const started = new Set(parts.settings.config?.plugins.map(({ name }) => name));
  const hasPlugin = (name: string): boolean => started.has(name) || parts.host.has(name);
  const mistakes = unknownNames(settings, parts.types, hasPlugin, loaded);
  if (mistakes.length > 0) throw mistaken(mistakes);
}
