/** Watches lru-cache 10 and 11, also where `fetch` and `memo` fill the cache. */
import {
  hasMethods,
  isInsideWatchedCall,
  type ModuleInstrumentation,
  noteMakersOf,
  type ObjectInstrumentation,
  patchMethod,
  type PluginHost,
  prototypeNamed,
  watchFunction,
  watchMethod,
} from "mova-webhooks/plugin";
import { isStore } from "./layers.ts";
import { ask, cacheLibraries, CacheReport, isOthersOwn, memberOf, type WatchOptions } from "./watch-cache.ts";

export function lruCache(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "lru-cache",
    recognises: isLruCache,
    attach(cache, host) {
      ask(cache);
      watchLruCache(cache, host, options);
      return cache;
    },
  };
}

export function lruCacheModule(options: WatchOptions): ModuleInstrumentation {
  return {
    module: "lru-cache",
    versions: ">=10.0.0 <12.0.0",
    patch(exports, host) {
      const prototype = prototypeNamed(exports, "LRUCache");
      if (prototype !== undefined) watchLruCache(prototype, host, options);
      return noteMakersOf(exports, "LRUCache", cacheLibraries, host, () => host.wants("cache:updated"));
    },
  };
}

export function isLruCache(component: object): boolean {
  return hasMethods(component, "get", "set", "delete", "clear", "peek", "purgeStale", "fetch");
}

/** Watches an instance, or the prototype of them all. */
function watchLruCache(owner: object, host: PluginHost, options: WatchOptions): void {
  const report = new CacheReport(host, options, "lru-cache");
  /** Status objects of fetches whose write was seen as a `set`: up to 11.4 `fetch` and `memo` call `this.set`. */
  const seenAsSet = new WeakSet<object>();
  let setsSeen = 0;
  /** Status objects that tell us what is written into them. */
  const ours = new WeakSet<object>();

  watchMethod(owner, "set", host, ([key, value, setOptions], self) => {
    // Without a value it is a delete, and calls that; a running fetch is not a value yet.
    if (!report.wantsUpdates() || value === undefined || isRunningFetch(value)) return undefined;
    if (isPart(self)) return undefined;
    const status = memberOf(setOptions, "status");
    if (typeof status === "object" && status !== null) seenAsSet.add(status);
    setsSeen += 1;
    const cache = typeof self === "object" && self !== null ? self : owner;
    // What is too big for the cache is refused without a word.
    return report.set([{ key, value, ttlMs: ttlOf(setOptions, cache) }], () => holds(cache, key, value));
  });
  watchMethod(owner, "delete", host, ([key], self) =>
    report.wantsUpdates() && !isPart(self) ? report.delete([key]) : undefined,
  );
  watchMethod(owner, "clear", host, (_, self) => (isPart(self) ? undefined : report.clear()));

  /** Other caches keep their entries in this one: cache-manager 5 does in all of its own, Keyv where it is told to. */
  function isPart(self: unknown): boolean {
    return isInsideWatchedCall(host) || isStore(self, host) || isOthersOwn(self, options);
  }

  // A refresh in the background ends after the call did, and `forceFetch` calls no `fetch`.
  for (const name of ["fetch", "forceFetch"]) {
    patchMethod(owner, name, host, (original) =>
      askingForStatus(
        original,
        () => undefined,
        (status, key, options, self) => {
          // The entry is written next; up to 11.4 by a call of `set`.
          void Promise.resolve().then(() => {
            const value = peekAt(self, key);
            if (seenAsSet.has(status) || value === undefined || isRunningFetch(value)) return;
            report.set([{ key, value, ttlMs: ttlOf(options, self) }]).returned?.(value);
          });
        },
      ),
    );
  }
  watchMethod(owner, "pop", host, (_, self) => {
    if (!report.wantsUpdates() || isPart(self)) return undefined;
    const key = oldestKeyOf(Object(self) as object);
    return { returned: (value) => (value === undefined ? undefined : report.delete([key]).returned?.(true)) };
  });
  patchMethod(owner, "memo", host, (original) =>
    askingForStatus(original, ([key, memoOptions], self) => {
      const before = setsSeen;
      return {
        returned(value) {
          const missed = memberOf(memberOf(memoOptions, "status"), "memo") === "miss";
          if (!missed || setsSeen !== before) return;
          report.set([{ key, value, ttlMs: ttlOf(memoOptions, Object(self)) }]).returned?.(value);
        },
      };
    }),
  );

  /** The library writes into `options.status` what it did: the only way to see writes it does privately. */
  function askingForStatus<Fn extends (...args: never) => unknown>(
    original: Fn,
    watch: Parameters<typeof watchFunction>[2],
    updated: (status: object, key: unknown, options: unknown, self: object) => void = () => {},
  ): Fn {
    const watched = watchFunction(original, host, watch);
    return new Proxy(original, {
      apply(target, self: unknown, args: unknown[]): unknown {
        if (!report.wantsUpdates() || isOthersOwn(self, options)) return Reflect.apply(target, self, args);
        const [key, given, ...others] = args;
        const asked = memberOf(given, "status");
        // `forceFetch` of some versions calls `fetch`.
        if (ours.has(Object(asked) as object)) return Reflect.apply(target, self, args);
        const status: object = new Proxy(Object(asked ?? {}) as object, {
          set(noted, name, value) {
            if (name === "fetchUpdated" && value === true)
              updated(status, key, given, Object(self) as object);
            return Reflect.set(noted, name, value);
          },
        });
        ours.add(status);
        return Reflect.apply(watched, self, [key, { ...Object(given), status }, ...others]);
      },
    });
  }
}

function isRunningFetch(value: unknown): boolean {
  return value instanceof Promise && "__staleWhileFetching" in value;
}

function holds(cache: object, key: unknown, value: unknown): boolean {
  return Object.is(peekAt(cache, key), value);
}

function peekAt(cache: object, key: unknown): unknown {
  const peek: unknown = Reflect.get(cache, "peek");
  return typeof peek === "function" ? Reflect.apply(peek, cache, [key]) : undefined;
}

/** The one that `pop` takes. */
function oldestKeyOf(cache: object): unknown {
  const keys: unknown = Reflect.get(cache, "rkeys");
  if (typeof keys !== "function") return undefined;
  return (Reflect.apply(keys, cache, []) as Iterator<unknown>).next().value;
}

function ttlOf(options: unknown, cache: object): unknown {
  return memberOf(options, "ttl") ?? Reflect.get(cache, "ttl");
}
