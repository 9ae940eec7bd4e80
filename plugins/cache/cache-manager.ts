/** Watches cache-manager: 6.3 and 7 through their Keyv stores, 5 through its one store. `wrap` writes there too. */
import { hasMethods, type ObjectInstrumentation, type PluginHost, watchMethod } from "mova-webhooks/plugin";
import { watchKeyv } from "./keyv.ts";
import { joinLayers } from "./layers.ts";
import { CacheReport, type WatchOptions } from "./watch-cache.ts";

const library = "cache-manager";

export function cacheManagerCache(options: WatchOptions): ObjectInstrumentation {
  return {
    library,
    recognises: (component) =>
      hasMethods(component, "get", "set", "del", "wrap") &&
      (storesOf(component) ?? storeOf(component)) !== undefined,
    attach(cache, host) {
      const stores = storesOf(cache);
      const store = storeOf(cache);
      if (stores !== undefined) {
        joinLayers(stores, host, library);
        for (const keyv of stores) watchKeyv(keyv, host, options);
      } else if (store !== undefined) watchStore(store, host, options);
      return cache;
    },
  };
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

  watchMethod(store, "set", host, ([key, value, ttlMs]) =>
    report.wantsUpdates() ? report.set([{ key, value, ttlMs }]) : undefined,
  );
  watchMethod(store, "mset", host, ([pairs, ttlMs]) => {
    if (!report.wantsUpdates() || !Array.isArray(pairs)) return undefined;
    return report.set(pairs.map(([key, value]: readonly unknown[]) => ({ key, value, ttlMs })));
  });
  for (const name of ["del", "mdel"]) {
    watchMethod(store, name, host, (keys) => (report.wantsUpdates() ? report.delete(keys) : undefined));
  }
  watchMethod(store, "reset", host, () => report.clear());
}
