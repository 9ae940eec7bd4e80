/** Watches caches of MOVA's shape: anything with `get`, `set`, `delete` and `clear` that no other file knows. */
import { hasMethods, type ObjectInstrumentation, watchMethod } from "mova-webhooks/plugin";
import { isKeyv } from "./keyv.ts";
import { isLruCache } from "./lru-cache.ts";
import { CacheReport, type WatchOptions } from "./watch-cache.ts";

export function movaCache(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "mova cache",
    recognises: (component) =>
      hasMethods(component, "get", "set", "delete", "clear") &&
      // With `update` it is a configuration.
      !hasMethods(component, "update") &&
      !isKeyv(component) &&
      !isLruCache(component),
    attach(cache, host) {
      const report = new CacheReport(host, options, "mova");
      // The unit of a third argument differs from manager to manager: no ttl_ms.
      watchMethod(cache, "set", host, ([key, value]) =>
        report.wantsUpdates() ? report.set([{ key, value }]) : undefined,
      );
      watchMethod(cache, "delete", host, ([key]) =>
        report.wantsUpdates() ? report.delete([key]) : undefined,
      );
      watchMethod(cache, "clear", host, () => report.clear());
      return cache;
    },
  };
}
