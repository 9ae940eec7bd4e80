/** Watches Keyv 4 and 5. */
import {
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
  type PluginHost,
  prototypeNamed,
  watchMethod,
} from "mova-webhooks/plugin";
import { isRepeatedByLayer, libraryOf, markAsStore } from "./layers.ts";
import { CacheReport, type Entry, succeeded, type WatchOptions } from "./watch-cache.ts";

export function keyvCache(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "keyv",
    recognises: isKeyv,
    attach(keyv, host) {
      watchKeyv(keyv, host, options);
      return keyv;
    },
  };
}

export function keyvModule(options: WatchOptions): ModuleInstrumentation {
  return {
    module: "keyv",
    versions: ">=4.0.0 <6.0.0",
    patch(exports, host) {
      const prototype = prototypeNamed(exports, "Keyv");
      if (prototype !== undefined) watchKeyv(prototype, host, options);
    },
  };
}

export function isKeyv(component: object): boolean {
  if (!hasMethods(component, "get", "set", "delete", "clear", "on")) return false;
  const opts: unknown = Reflect.get(component, "opts");
  return typeof opts === "object" && opts !== null && "store" in opts;
}

/** Watches an instance, or the prototype of them all: the object that counts is the one called. */
export function watchKeyv(keyv: object, host: PluginHost, options: WatchOptions): void {
  const reports = new Map<string, CacheReport>();
  function reportFor(called: object): CacheReport {
    const library = libraryOf(called, host) ?? "keyv";
    const report = reports.get(library) ?? new CacheReport(host, options, library);
    reports.set(library, report);
    return report;
  }
  function subject(self: unknown): object {
    const called = typeof self === "object" && self !== null ? self : keyv;
    markAsStore(Reflect.get(Object(Reflect.get(called, "opts")), "store"), host);
    return called;
  }

  watchMethod(keyv, "set", host, ([key, value, ttl], self) => {
    if (!host.wants("cache:updated") || isRepeatedByLayer(subject(self), host, `set ${String(key)}`))
      return undefined;
    const ttlMs = ttl ?? Reflect.get(Object(Reflect.get(subject(self), "opts")), "ttl");
    return reportFor(subject(self)).set([{ key, value, ttlMs }]);
  });
  watchMethod(keyv, "setMany", host, ([entries], self) => {
    if (!host.wants("cache:updated") || !Array.isArray(entries)) return undefined;
    const fresh: readonly Entry[] = entries
      .filter(({ key }) => !isRepeatedByLayer(subject(self), host, `set ${String(key)}`))
      .map(({ key, value, ttl }) => ({ key, value, ttlMs: ttl }));
    const stored = (returned: unknown, index: number): boolean =>
      succeeded(Array.isArray(returned) ? returned[index] : returned);
    return reportFor(subject(self)).set(fresh, stored);
  });
  for (const name of ["delete", "deleteMany"]) {
    watchMethod(keyv, name, host, ([key], self) => {
      if (!host.wants("cache:updated")) return undefined;
      const keys: readonly unknown[] = Array.isArray(key) ? key : [key];
      const fresh = keys.filter((one) => !isRepeatedByLayer(subject(self), host, `delete ${String(one)}`));
      return reportFor(subject(self)).delete(fresh);
    });
  }
  watchMethod(keyv, "clear", host, (_, self) => {
    if (!host.wants("cache:cleared") || isRepeatedByLayer(subject(self), host, "clear")) return undefined;
    return reportFor(subject(self)).clear();
  });
}
