/** Watches Keyv 4 to 6. */
import {
  hasMethods,
  type ModuleInstrumentation,
  noteMakersOf,
  type ObjectInstrumentation,
  type PluginHost,
  prototypeNamed,
  watchMethod,
} from "mova-webhooks/plugin";
import { deletesOf } from "./deletes.ts";
import { isRepeatedByLayer, libraryOf, markAsStore } from "./layers.ts";
import {
  ask,
  cacheLibraries,
  CacheReport,
  type Entry,
  isOthersOwn,
  memberOf,
  succeeded,
  type WatchOptions,
} from "./watch-cache.ts";

export function keyvCache(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "keyv",
    recognises: isKeyv,
    attach(keyv, host) {
      ask(keyv);
      watchKeyv(keyv, host, options);
      return keyv;
    },
  };
}

export function keyvModule(options: WatchOptions): ModuleInstrumentation {
  return {
    module: "keyv",
    versions: ">=4.0.0 <7.0.0",
    patch(exports, host) {
      const prototype = prototypeNamed(exports, "Keyv");
      if (prototype !== undefined) watchKeyv(prototype, host, options);
      const isWanted = (): boolean => host.wants("cache:updated");
      // Version 4 is the class itself.
      const whole = noteMakersOf({ exports }, "exports", cacheLibraries, host, isWanted);
      if (typeof exports === "function") return Reflect.get(whole, "exports") as object;
      return ["Keyv", "default"].reduce(
        (patched, name) => noteMakersOf(patched, name, cacheLibraries, host, isWanted),
        exports,
      );
    },
  };
}

export function isKeyv(component: object): boolean {
  if (!hasMethods(component, "get", "set", "delete", "clear", "on")) return false;
  return typeof storeOf(component) === "object";
}

/** Version 6 has it as a property of its own. */
function storeOf(keyv: object): unknown {
  const store = memberOf(memberOf(keyv, "opts"), "store");
  // Every cache may have a property of that name: of what has no options, only a Keyv has this method.
  return store ?? (hasMethods(keyv, "setManyRaw") ? memberOf(keyv, "store") : undefined);
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
  const isCountedHere = (self: unknown): boolean =>
    host.wants("cache:updated") && !isOthersOwn(self, options);
  function subject(self: unknown): object {
    const called = typeof self === "object" && self !== null ? self : keyv;
    const store = storeOf(called);
    // Version 6 puts an adapter around what it is given.
    for (const part of [store, memberOf(store, "store")]) markAsStore(part, host);
    return called;
  }

  watchMethod(keyv, "set", host, ([key, value, ttl], self) => {
    if (!isCountedHere(self)) return undefined;
    if (isRepeatedByLayer(subject(self), host, `set ${String(key)}`)) return undefined;
    const called = subject(self);
    const ttlMs = ttl ?? memberOf(memberOf(called, "opts"), "ttl") ?? memberOf(called, "ttl");
    return reportFor(subject(self)).set([{ key, value, ttlMs }]);
  });
  watchMethod(keyv, "setMany", host, ([entries], self) => {
    if (!isCountedHere(self) || !Array.isArray(entries)) return undefined;
    const fresh: readonly Entry[] = entries
      .filter(({ key }) => !isRepeatedByLayer(subject(self), host, `set ${String(key)}`))
      .map(({ key, value, ttl }) => ({ key, value, ttlMs: ttl }));
    const stored = (returned: unknown, index: number): boolean =>
      succeeded(Array.isArray(returned) ? returned[index] : returned);
    return reportFor(subject(self)).set(fresh, stored);
  });
  for (const name of ["delete", "deleteMany"]) {
    watchMethod(keyv, name, host, ([key], self) => {
      if (!isCountedHere(self)) return undefined;
      const keys: readonly unknown[] = Array.isArray(key) ? key : [key];
      const called = subject(self);
      const fresh = keys.filter((one) => !isRepeatedByLayer(called, host, `delete ${String(one)}`));
      if (!Array.isArray(key)) return reportFor(called).delete(fresh);
      const found = deletesOf(storeOf(called), host);
      return {
        returned: (value) =>
          void found(value, keys.length).then((deleted) => {
            reportFor(called)
              .delete(fresh.filter((one) => deleted[keys.indexOf(one)] === true))
              .returned?.(true);
          }),
      };
    });
  }
  watchMethod(keyv, "clear", host, (_, self) => {
    if (!host.wants("cache:cleared") || isOthersOwn(self, options)) return undefined;
    if (isRepeatedByLayer(subject(self), host, "clear")) return undefined;
    return reportFor(subject(self)).clear();
  });
}
