/** The cache plugin on real Keyv, cache-manager and lru-cache. */
import { createCache } from "cache-manager";
import { Keyv } from "keyv";
import Keyv4 from "keyv4";
import { Keyv as Keyv6 } from "keyv6";
import { LRUCache } from "lru-cache";
import { LRUCache as LRUCache10 } from "lru-cache10";
import { cache } from "mova-webhooks/plugins/cache";
import { describe, expect, it, vi } from "vitest";
import { collectingHost } from "../../src/testing/collecting-host.ts";

const updated = (library: string, key: string, more: object = {}) => ({
  type: "cache.updated",
  data: { key, operation: "set", library, ...more },
});
const deleted = (library: string, key: string) => updated(library, key, { operation: "delete" });
const cleared = (library: string) => ({ type: "cache.cleared", data: { library } });
const secret = { card: "4111" };
const size = JSON.stringify(secret).length;

describe("Keyv", () => {
  it("makes one event of every entry set and deleted, and of clear, without values", async () => {
    const host = collectingHost(cache());
    const keyv = new Keyv({ ttl: 5000 });
    expect(host.instrument(keyv)).toBe(keyv);
    await keyv.set("a", secret);
    await keyv.set("b", "text", 100);
    await keyv.setMany([
      { key: "c", value: 1 },
      { key: "d", value: secret },
    ]);
    await keyv.delete("a");
    await keyv.delete("a");
    await keyv.delete(["b", "c"]);
    await keyv.clear();
    expect(await keyv.get("d")).toBeUndefined();
    expect(host.drafts).toEqual([
      updated("keyv", "a", { size, ttl_ms: 5000 }),
      updated("keyv", "b", { size: 4, ttl_ms: 100 }),
      updated("keyv", "c", { size: 1 }),
      updated("keyv", "d", { size }),
      deleted("keyv", "a"),
      deleted("keyv", "b"),
      deleted("keyv", "c"),
      cleared("keyv"),
    ]);
    expect(JSON.stringify(host.published)).not.toContain("4111");
  });

  it("makes no event of a write the store refused", async () => {
    const host = collectingHost(cache());
    const store = Object.assign(new Map<string, unknown>(), {
      set: () => {
        throw new Error("disk full");
      },
    });
    const keyv = host.instrument(new Keyv({ store, emitErrors: false }));
    expect(await keyv.set("a", 1)).toBe(false);
    keyv.throwOnErrors = true;
    await expect(keyv.set("a", 1)).rejects.toThrow("disk full");
    await keyv.set("a", Symbol("no")).catch(() => {});
    expect(host.drafts).toEqual([]);
  });

  it("sends values only when asked", async () => {
    const host = collectingHost(cache({ includeValues: true }));
    await host.instrument(new Keyv()).set("a", secret);
    expect(host.drafts).toEqual([updated("keyv", "a", { size, value: secret })]);
  });

  it("does not look at the value while nobody wants its events", async () => {
    const host = collectingHost(cache());
    host.want(() => false);
    const keyv = new Keyv();
    keyv.serialize = undefined;
    host.instrument(keyv);
    const value = new Proxy(
      {},
      { ownKeys: () => expect.unreachable(), getPrototypeOf: () => expect.unreachable() },
    );
    expect(await keyv.set("a", value)).toBe(true);
    expect(host.published).toEqual([]);
  });
});

describe.each([
  ["Keyv 4", Keyv4],
  ["Keyv 5", Keyv],
  ["Keyv 6", Keyv6],
])("%s", (_, Class) => {
  interface AnyKeyv {
    set(key: string, value: unknown, ttl?: number): Promise<unknown>;
    delete(key: string | string[]): Promise<unknown>;
    clear(): Promise<unknown>;
  }
  const make = (store?: object): AnyKeyv => new (Class as unknown as new (given?: object) => AnyKeyv)(store);

  it("tells which keys of a list were there to be deleted", async () => {
    const host = collectingHost(cache());
    const keyv = host.instrument(make({ ttl: 5000 }));
    await keyv.set("a", 1);
    await keyv.set("b", 2, 70);
    await keyv.delete(["a", "missing", "b"]);
    await keyv.delete("missing");
    await keyv.clear();
    expect(host.drafts).toEqual([
      updated("keyv", "a", { size: 1, ttl_ms: 5000 }),
      updated("keyv", "b", { size: 1, ttl_ms: 70 }),
      deleted("keyv", "a"),
      deleted("keyv", "b"),
      cleared("keyv"),
    ]);
  });

  it("over a cache of another library is one cache", async () => {
    const host = collectingHost(cache());
    const store = host.instrument(new LRUCache<string, string>({ max: 5 }));
    await host.instrument(make({ store })).set("a", 1);
    expect(host.drafts).toEqual([updated("keyv", "a", { size: 1 })]);
  });
});

describe("cache-manager", () => {
  it("makes one event of every operation, however many stores and whoever is instrumented", async () => {
    for (const alsoStores of [false, true]) {
      const host = collectingHost(cache());
      const stores = [new Keyv(), new Keyv(), new Keyv()];
      if (alsoStores) host.instrument(stores[1] as Keyv);
      const manager = createCache({ stores });
      expect(host.instrument(manager)).toBe(manager);
      if (alsoStores) host.instrument(stores[0] as Keyv);

      await manager.set("a", secret, 5000);
      await manager.mset([
        { key: "b", value: 1 },
        { key: "c", value: 2 },
      ]);
      expect(await manager.wrap("d", () => "made", 70)).toBe("made");
      await manager.del("a");
      await manager.mdel(["b", "c"]);
      await manager.clear();
      expect(host.drafts).toEqual([
        updated("cache-manager", "a", { size, ttl_ms: 5000 }),
        updated("cache-manager", "b", { size: 1 }),
        updated("cache-manager", "c", { size: 1 }),
        updated("cache-manager", "d", { size: 4, ttl_ms: 70 }),
        deleted("cache-manager", "a"),
        deleted("cache-manager", "b"),
        deleted("cache-manager", "c"),
        cleared("cache-manager"),
      ]);
    }
  });

  it("counts the same key set twice at once as two", async () => {
    const host = collectingHost(cache());
    const manager = host.instrument(createCache({ stores: [new Keyv(), new Keyv()] }));
    await Promise.all([manager.set("a", 1), manager.set("a", 22)]);
    expect(host.drafts.map(({ data }) => (data as { size: number }).size)).toEqual([1, 2]);
  });

  it("sees stores that are written directly, one after the other", async () => {
    const host = collectingHost(cache());
    const [first, second] = [new Keyv(), new Keyv()];
    const manager = host.instrument(createCache({ stores: [first, second] }));
    await manager.set("a", 1);
    await first.set("b", 22);
    await second.set("b", 333);
    expect(host.drafts.map(({ data }) => (data as { size: number }).size)).toEqual([1, 2, 3]);
  });

  it("watches the store it makes by itself", async () => {
    const host = collectingHost(cache());
    await host.instrument(createCache()).set("a", 1);
    expect(host.drafts).toEqual([updated("cache-manager", "a", { size: 1 })]);
  });

  it("watches the one store of version 5", async () => {
    const host = collectingHost(cache());
    const map = new Map<string, unknown>();
    const store = {
      set: async (key: string, value: unknown) => void map.set(key, value),
      mset: async (pairs: [string, unknown][]) => {
        for (const [key, value] of pairs) map.set(key, value);
      },
      del: async (key: string) => void map.delete(key),
      mdel: async (...keys: string[]) => {
        for (const key of keys) map.delete(key);
      },
      reset: async () => map.clear(),
      get: async (key: string) => map.get(key),
    };
    const manager = host.instrument({
      store,
      get: (key: string) => store.get(key),
      set: (key: string, value: unknown, _ttl?: number) => store.set(key, value),
      del: (key: string) => store.del(key),
      reset: () => store.reset(),
      wrap: async (key: string, make: () => unknown) => store.set(key, await make()),
    });
    await manager.set("a", 1);
    await manager.wrap("b", () => 2);
    await manager.store.mset([["c", 3]]);
    await manager.del("a");
    await manager.store.mdel("b", "c");
    await manager.reset();
    const library = "cache-manager";
    expect(host.drafts).toEqual([
      updated(library, "a", { size: 1 }),
      updated(library, "b", { size: 1 }),
      updated(library, "c", { size: 1 }),
      deleted(library, "a"),
      deleted(library, "b"),
      deleted(library, "c"),
      cleared(library),
    ]);
  });

  it("tells two updates of one key from one that reaches two layers, also while a test framework fakes microtasks", async () => {
    const host = collectingHost(cache());
    const stores = [new Keyv(), new Keyv()] as const;
    host.instrument(createCache({ stores: [...stores] }));
    vi.useFakeTimers({ toFake: ["queueMicrotask"] });
    await stores[0].set("k", 1);
    await stores[1].set("k", 2);
    vi.useRealTimers();
    expect(host.drafts).toHaveLength(2);
  });
});

describe("lru-cache", () => {
  it("makes one event of what really was set, deleted and cleared", () => {
    const host = collectingHost(cache());
    const lru = new LRUCache<string, object | string>({
      max: 10,
      maxEntrySize: 5,
      sizeCalculation: (value) => (value === "big" ? 9 : 1),
    });
    expect(host.instrument(lru)).toBe(lru);
    expect(lru.set("a", secret, { ttl: 50 })).toBe(lru);
    lru.set("b", "big");
    lru.set("a", undefined);
    expect(lru.delete("a")).toBe(false);
    lru.clear();
    expect(host.drafts).toEqual([
      updated("lru-cache", "a", { size, ttl_ms: 50 }),
      deleted("lru-cache", "a"),
      cleared("lru-cache"),
    ]);
    expect(Object.keys(lru)).not.toContain("set");
  });

  it("sees what fetch and memo write, once", async () => {
    const host = collectingHost(cache());
    const lru = host.instrument(
      new LRUCache<string, string>({
        max: 10,
        ttl: 1000,
        fetchMethod: async (key) => `fetched ${key}`,
        memoMethod: (key) => `made ${key}`,
      }),
    );
    expect(await Promise.all([lru.fetch("a"), lru.fetch("a")])).toEqual(["fetched a", "fetched a"]);
    expect(await lru.fetch("a")).toBe("fetched a");
    expect([lru.memo("b"), lru.memo("b")]).toEqual(["made b", "made b"]);
    expect(host.drafts).toEqual([
      updated("lru-cache", "a", { size: 9, ttl_ms: 1000 }),
      updated("lru-cache", "b", { size: 6, ttl_ms: 1000 }),
    ]);
  });
});

describe.each([
  ["10", LRUCache10 as unknown as typeof LRUCache],
  ["11", LRUCache],
])("lru-cache %s", (_, Class) => {
  it("is seen where it refreshes in the background, is forced to fetch, and gives up its oldest entry", async () => {
    const host = collectingHost(cache());
    let fetches = 0;
    const lru = host.instrument(
      new Class<string, string>({
        max: 10,
        ttl: 1000,
        allowStale: true,
        fetchMethod: async () => `value ${(fetches += 1)}`,
      }),
    );
    await lru.fetch("a");
    const status: LRUCache.Status<string, string> = {};
    expect(await lru.fetch("a", { status, forceRefresh: true })).toBe("value 1");
    await vi.waitFor(() => expect(lru.peek("a")).toBe("value 2"));
    expect(await lru.forceFetch("b")).toBe("value 3");
    expect(await lru.forceFetch("b")).toBe("value 3");
    expect(lru.pop()).toBe("value 2");
    expect(status).toMatchObject({ fetchUpdated: true });
    const set = (key: string) => updated("lru-cache", key, { size: 7, ttl_ms: 1000 });
    expect(host.drafts).toEqual([set("a"), set("a"), set("b"), deleted("lru-cache", "a")]);
  });
});

describe("lru-cache up to 11.4, whose fetch and memo call set", () => {
  class EarlierCache extends LRUCache<string, string> {
    override memo(key: string, options: { status?: LRUCache.Status<string, string> } = {}): string {
      if (options.status) Object.assign(options.status, { memo: "miss" });
      this.set(key, `made ${key}`);
      return `made ${key}`;
    }
    override async fetch(
      key: string,
      options: LRUCache.SetOptions<string, string, unknown> = {},
    ): Promise<string> {
      const running = Object.assign(Promise.resolve(`fetched ${key}`), { __staleWhileFetching: undefined });
      this.set(key, running as never);
      const value = await running;
      if (options.status) Object.assign(options.status, { fetchUpdated: true });
      this.set(key, value, options);
      return value;
    }
  }

  it("makes one event of what they write", async () => {
    const host = collectingHost(cache());
    const lru = host.instrument(new EarlierCache({ max: 10 }));
    lru.memo("b");
    await lru.fetch("a");
    expect(host.drafts).toEqual([
      updated("lru-cache", "b", { size: 6 }),
      updated("lru-cache", "a", { size: 9 }),
    ]);
  });
});

describe("a cache of MOVA's shape", () => {
  it("is watched through set, delete and clear", async () => {
    const host = collectingHost(cache());
    const manager = host.instrument({
      get: () => 1,
      set: async (_key: string, _value: unknown) => "done",
      delete: (key: string) => key === "a",
      clear: () => {},
    });
    expect(await manager.set("user_data_123", secret)).toBe("done");
    manager.delete("a");
    manager.delete("nothing");
    manager.clear();
    expect(host.drafts).toEqual([
      updated("mova", "user_data_123", { size }),
      deleted("mova", "a"),
      cleared("mova"),
    ]);
  });

  it("tells a key that is no text by its kind, and cuts a long one", () => {
    const host = collectingHost(cache());
    const map = host.instrument(new Map<unknown, unknown>());
    for (const key of [secret, 7, Symbol("s"), "k".repeat(1000)]) map.set(key, 1);
    expect(host.drafts.map(({ data }) => (data as { key: string }).key)).toEqual([
      "[object]",
      "7",
      "[symbol]",
      `${"k".repeat(255)}…`,
    ]);
  });
});
