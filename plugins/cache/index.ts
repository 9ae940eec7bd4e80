/** The cache plugin: entries that are set or deleted, caches that are cleared. */
import { checkOptions, definePlugin, type MakerOptions } from "mova-webhooks/plugin";
import { cacheManagerCache, cacheManagerModule } from "./cache-manager.ts";
import { keyvCache, keyvModule } from "./keyv.ts";
import { lruCache, lruCacheModule } from "./lru-cache.ts";
import { movaCache } from "./mova.ts";

export interface CacheOptions extends MakerOptions {
  /** Sends the cached values along. @default false */
  readonly includeValues?: boolean;
}

type CacheEvents = {
  "cache.updated": {
    readonly key: string;
    readonly size?: number;
    readonly operation?: "set" | "delete";
    readonly ttl_ms?: number;
    readonly value?: unknown;
    readonly library?: string;
  };
  "cache.cleared": { readonly library?: string };
};

/** Watches Keyv, cache-manager, lru-cache and caches of MOVA's shape. */
export function cache(given: CacheOptions = {}) {
  checkOptions("cache", given, { includeValues: "boolean", include: "string[]", exclude: "string[]" });
  const { includeValues = false, ...makers } = given;
  const options = { includeValues, makers };
  return definePlugin<"cache", CacheEvents>({
    contract: 1,
    name: "cache",
    events: {
      "cache.updated": {
        summary: "A cache entry was set or deleted.",
        example: { key: "user_data_123", size: 512, operation: "set", ttl_ms: 60_000, library: "keyv" },
      },
      "cache.cleared": { summary: "A cache was emptied.", example: { library: "keyv" } },
    },
    translate: {
      "cache:updated": ({ key, size, operation, ttlMs, value, library }) => ({
        type: "cache.updated",
        data: {
          key,
          ...(size !== undefined && { size }),
          operation,
          ...(ttlMs !== undefined && { ttl_ms: ttlMs }),
          ...(includeValues && value !== undefined && { value }),
          library,
        },
      }),
      "cache:cleared": ({ library }) => ({ type: "cache.cleared", data: { library } }),
    },
    instrument: {
      objects: [keyvCache(options), cacheManagerCache(options), lruCache(options), movaCache(options)],
      modules: [keyvModule(options), cacheManagerModule(options), lruCacheModule(options)],
    },
  });
}
