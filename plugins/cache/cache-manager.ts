/** Watches cache-manager: 6.3 and 7 through their Keyv stores, 5 through its one store. `wrap` writes there too. */
import {
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
  patchExport,
  type PluginHost,
  watchFunction,
  watchMethod,
} from "mova-webhooks/plugin";
import { watchKeyv } from "./keyv.ts";
import { isRepeatedByLayer, joinLayers } from "./layers.ts";
import { ask, CacheReport, type WatchOptions } from "./watch-cache.ts";

const library = "cache-manager";

export function cacheManagerCache(options: WatchOptions): ObjectInstrumentation {
  return {
    library,
    recognises: (component) =>
      hasMethods(component, "get", "set", "del", "wrap") &&
      (storesOf(component) ?? storeOf(component)) !== undefined,
    attach(cache, host) {
      for (const store of storesOf(cache) ?? []) ask(store);
      watchCache(cache, host, options);
      return cache;
    },
  };
}

/** Version 5 also makes caches of caches, which are watched as their parts are. */
export function cacheManagerModule(options: WatchOptions): ModuleInstrumentation {
  return {
    module: library,
    versions: ">=5.0.0 <8.0.0",
    patch(exports, host) {
      const watchMade = (made: unknown): void => {
        if (typeof made === "object" && made !== null) watchCache(made, host, options);
      };
      let patched = exports;
      for (const name of ["createCache", "caching"]) {
        patched = patchExport(patched, name, host, (original) =>
          watchFunction(original, host, () => ({ returned: watchMade })),
        );
      }
      return patchExport(patched, "multiCaching", host, (original) =>
        watchFunction(original, host, ([caches]) => {
          const parts: readonly unknown[] = Array.isArray(caches) ? caches : [];
          const stores = parts.map((cache) => storeOf(Object(cache) as object));
          joinLayers(
            stores.filter((store) => store !== undefined),
            host,
            library,
          );
          return undefined;
        }),
      );
    },
  };
}

function watchCache(cache: object, host: PluginHost, options: WatchOptions): void {
  const stores = storesOf(cache);
  const store = storeOf(cache);
  if (stores !== undefined) {
    joinLayers(stores, host, library);
    for (const keyv of stores) watchKeyv(keyv, host, options);
  } else if (store !== undefined) watchStore(store, host, options);
}

function storesOf(cache: object): readonly object[] | undefined {
  const stores: unknown = Reflect.get(cache, "stores");
  if (!Array.isArray(stores) || stores.length === 0) return undefined;
  return stores.every((store) => typeof store === "object" && store !== null) ? stores : undefined;
}

function storeOf(cache: object): object | undefined {
  const store: unknown = Reflect.get(cache, "store");
  return typeof store === "object" && store !== null && hasMethods(store, "set", "del", "reset")
    ? store
    : undefined;
}

/** The stores of version 5 have a shape of their own. */
function watchStore(store: object, host: PluginHost, options: WatchOptions): void {
  const report = new CacheReport(host, options, library);

  const isRepeated = (operation: string): boolean => isRepeatedByLayer(store, host, operation);

  // A repeated call is watched without an event, because the store writes to a cache of its own meanwhile.
  watchMethod(store, "set", host, ([key, value, ttlMs]) => {
    if (!report.wantsUpdates()) return undefined;
    return isRepeated(`set ${String(key)}`) ? {} : report.set([{ key, value, ttlMs }]);
  });
  watchMethod(store, "mset", host, ([pairs, ttlMs]) => {
    if (!report.wantsUpdates() || !Array.isArray(pairs)) return undefined;
    const entries = pairs.map(([key, value]: readonly unknown[]) => ({ key, value, ttlMs }));
    return report.set(entries.filter(({ key }) => !isRepeated(`set ${String(key)}`)));
  });
  for (const name of ["del", "mdel"]) {
    watchMethod(store, name, host, (keys) =>
      report.wantsUpdates()
        ? report.delete(keys.filter((key) => !isRepeated(`delete ${String(key)}`)))
        : undefined,
    );
  }
  watchMethod(store, "reset", host, () => (isRepeated("clear") ? {} : report.clear()));
}
