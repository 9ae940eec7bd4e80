/**
 * Knows which caches are layers of one: cache-manager writes to all its stores, and that is one update.
 *
 * cache-manager starts the same operation on every store in one synchronous run, so the run's first store speaks.
 */
import type { PluginHost } from "mova-webhooks/plugin";

/** As it was when the package was loaded: what a test framework puts in its place may never run. */
const { queueMicrotask } = globalThis;

interface Layers {
  readonly library: string;
  /** Operation → the stores it reached in this synchronous run. */
  readonly run: Map<string, Set<object>>;
}

const layersByHost = new WeakMap<PluginHost, WeakMap<object, Layers>>();

/** Declares stores to be layers of one cache. */
export function joinLayers(stores: readonly object[], host: PluginHost, library: string): void {
  const known = layersByHost.get(host) ?? new WeakMap<object, Layers>();
  layersByHost.set(host, known);
  const layers: Layers = { library, run: new Map() };
  for (const store of stores) known.set(store, layers);
}

/** Objects that a watched cache keeps its entries in: what it writes there is not an update of its own. */
const storesByHost = new WeakMap<PluginHost, WeakSet<object>>();

export function markAsStore(store: unknown, host: PluginHost): void {
  if (typeof store !== "object" || store === null) return;
  const stores = storesByHost.get(host) ?? new WeakSet<object>();
  storesByHost.set(host, stores);
  stores.add(store);
}

export function isStore(cache: unknown, host: PluginHost): boolean {
  return typeof cache === "object" && cache !== null && storesByHost.get(host)?.has(cache) === true;
}

/** Names the library in front of a store. */
export function libraryOf(store: object, host: PluginHost): string | undefined {
  return layersByHost.get(host)?.get(store)?.library;
}

/** Tells whether another layer already did this operation in the same synchronous run. */
export function isRepeatedByLayer(store: object, host: PluginHost, operation: string): boolean {
  const layers = layersByHost.get(host)?.get(store);
  if (layers === undefined) return false;
  const { run } = layers;
  if (run.size === 0) queueMicrotask(() => run.clear());
  const reached = run.get(operation);
  if (reached === undefined || reached.has(store)) {
    // The same store again is the same operation again.
    run.set(operation, new Set([store]));
    return false;
  }
  reached.add(store);
  return true;
}
