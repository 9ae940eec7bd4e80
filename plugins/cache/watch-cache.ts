/** Turns the calls of any cache into what the cache plugin says on the bus. */
import {
  cutText,
  hasMaker,
  isCounted,
  makerOf,
  type MakerOptions,
  type PluginHost,
  sizeInBytes,
  type WatchedCall,
} from "mova-webhooks/plugin";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "cache:updated": {
      readonly library: string;
      readonly key: string;
      readonly operation: "set" | "delete";
      /** Bytes; absent where measuring would cost too much. */
      readonly size?: number;
      readonly ttlMs?: number;
      /** Present only where the plugin's option asks for values. */
      readonly value?: unknown;
    };
    "cache:cleared": { readonly library: string };
  }
}

export interface WatchOptions {
  readonly includeValues: boolean;
  /** Whose caches count besides the program's. */
  readonly makers: MakerOptions;
}

/** What makes caches on behalf of others. */
export const cacheLibraries = ["keyv", "cache-manager", "lru-cache", "cacheable", "@cacheable/memory"];

/** Caches that were given to `instrument`: these count whoever made them. */
const asked = new WeakSet<object>();

export function ask(cache: object): void {
  asked.add(cache);
}

/** Tells whether a cache is the affair of a package that made it for itself. */
export function isOthersOwn(cache: unknown, { makers }: WatchOptions): boolean {
  if (typeof cache !== "object" || cache === null || asked.has(cache)) return false;
  return hasMaker(cache) && !isCounted(makerOf(cache), makers);
}

/** What was written under one key. */
export interface Entry {
  readonly key: unknown;
  readonly value: unknown;
  /** Milliseconds; zero and undefined mean for ever. */
  readonly ttlMs?: unknown;
}

const maxKeyLength = 256;

/** Speaks for the caches of one library. */
export class CacheReport {
  readonly #host: PluginHost;
  readonly #options: WatchOptions;
  readonly #library: string;

  constructor(host: PluginHost, options: WatchOptions, library: string) {
    this.#host = host;
    this.#options = options;
    this.#library = library;
  }

  wantsUpdates(): boolean {
    return this.#host.wants("cache:updated");
  }

  /** Says so when the call ends well; `stored` reads from what it returned whether an entry really was. */
  set(
    entries: readonly Entry[],
    stored: (returned: unknown, index: number) => boolean = succeeded,
  ): WatchedCall {
    // Measured now: the caller may change the value before the call ends.
    const events = entries.map((entry) => this.#describe(entry));
    return {
      returned: (value) => {
        for (const [index, event] of events.entries()) {
          if (stored(value, index)) this.#host.publish("cache:updated", event);
        }
      },
    };
  }

  /** Says so when the call ends well, and only where something was there to delete. */
  delete(keys: readonly unknown[]): WatchedCall {
    return {
      returned: (value) => {
        if (!succeeded(value)) return;
        for (const key of keys) {
          const event = { library: this.#library, key: keyText(key), operation: "delete" } as const;
          this.#host.publish("cache:updated", event);
        }
      },
    };
  }

  clear(): WatchedCall | undefined {
    if (!this.#host.wants("cache:cleared")) return undefined;
    return { returned: () => this.#host.publish("cache:cleared", { library: this.#library }) };
  }

  #describe({ key, value, ttlMs }: Entry) {
    const size = sizeInBytes(value);
    return {
      library: this.#library,
      key: keyText(key),
      operation: "set" as const,
      ...(size !== undefined && { size }),
      ...(typeof ttlMs === "number" && ttlMs > 0 && Number.isFinite(ttlMs) && { ttlMs }),
      ...(this.#options.includeValues && { value }),
    };
  }
}

/** Caches return `false` for what they did not do; whatever else they return means done. */
export function succeeded(returned: unknown): boolean {
  return returned !== false;
}

function keyText(key: unknown): string {
  if (typeof key === "string") return cutText(key, maxKeyLength);
  return typeof key === "number" || typeof key === "bigint" ? String(key) : `[${typeof key}]`;
}

/** Returns undefined where the value is no object. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
