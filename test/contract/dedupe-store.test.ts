/** What every dedupe store must do, asked of the one in memory and of Redis through both its clients. */
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, describe, expect, it } from "vitest";
import {
  type DedupeClaim,
  type DedupeOptions,
  type DedupeStore,
  memoryStore,
  redisStore,
} from "../../src/receiver/receiver.ts";

const prefix = `mova-test-dedupe:${process.pid}:`;
const ioredis = new Redis({ host: "127.0.0.1", port: 6379 });
const nodeRedis = createClient({ url: "redis://127.0.0.1:6379" });
await nodeRedis.connect();

afterAll(async () => {
  const keys = await ioredis.keys(`${prefix}*`);
  if (keys.length > 0) await ioredis.del(...keys);
  ioredis.disconnect();
  nodeRedis.destroy();
});

interface Subject {
  readonly name: string;
  readonly make: (options: DedupeOptions) => DedupeStore;
  /** Lets more than the given time pass for the store. */
  readonly pass: (seconds: number, key: string) => Promise<void>;
}

let nowMs = 0;
/** Redis keeps its own clock: a key's end is moved here instead, by the time that is to pass. */
async function passInRedis(seconds: number, key: string): Promise<void> {
  const leftMs = await ioredis.pttl(prefix + key);
  await ioredis.pexpire(prefix + key, Math.max(leftMs - seconds * 1000, 0));
}

const subjects: readonly Subject[] = [
  {
    name: "memory",
    make: (options) => memoryStore({ ...options, now: () => nowMs }),
    pass: async (seconds) => void (nowMs += seconds * 1000),
  },
  {
    name: "ioredis",
    make: (options) => redisStore({ ...options, client: ioredis, prefix }),
    pass: passInRedis,
  },
  {
    name: "node-redis",
    make: (options) => redisStore({ ...options, client: nodeRedis, prefix }),
    pass: passInRedis,
  },
];

function held(claim: DedupeClaim): DedupeClaim & { state: "claimed" } {
  if (claim.state !== "claimed") throw new Error(`expected to hold the claim, it is ${claim.state}`);
  return claim;
}

describe.each(subjects)("the $name store", ({ name, make, pass }) => {
  const keyed = (key: string): string => `${name}-${key}`;

  it("gives a key to one of many who claim it at once", async () => {
    const store = make({});
    const claims = await Promise.all(Array.from({ length: 20 }, () => store.claim(keyed("race"))));
    expect(claims.map((claim) => claim.state).toSorted()).toEqual([...Array(19).fill("busy"), "claimed"]);
    expect((await store.claim(keyed("other"))).state).toBe("claimed");
  });

  it("remembers what was completed until its retention ends", async () => {
    const store = make({ retention: 60, lease: 10 });
    const key = keyed("completed");
    await held(await store.claim(key)).complete();
    await pass(59, key);
    expect((await store.claim(key)).state).toBe("done");
    await pass(2, key);
    expect((await store.claim(key)).state).toBe("claimed");
  });

  it("gives a key again that was released", async () => {
    const store = make({});
    await held(await store.claim(keyed("released"))).release();
    expect((await store.claim(keyed("released"))).state).toBe("claimed");
  });

  it("gives a key again whose holder never came back, and then ignores that holder's release", async () => {
    const store = make({ retention: 60, lease: 10 });
    const key = keyed("lease");
    const lost = held(await store.claim(key));
    await pass(9, key);
    expect((await store.claim(key)).state).toBe("busy");
    await pass(2, key);
    const second = held(await store.claim(key));
    await lost.release();
    expect((await store.claim(key)).state).toBe("busy");
    await second.complete();
    expect((await store.claim(key)).state).toBe("done");
  });
});

it("no store is made with times that cannot work", () => {
  const refused = expect.objectContaining({ code: "CONFIG_INVALID" });
  for (const times of [
    { retention: 0 },
    { lease: -1 },
    { retention: Number.POSITIVE_INFINITY },
    { lease: Number.NaN },
  ]) {
    expect(() => memoryStore(times)).toThrow(refused);
    expect(() => redisStore({ ...times, client: ioredis })).toThrow(refused);
  }
});

describe("the memory store", () => {
  it("forgets the oldest events when it is full", async () => {
    const store = memoryStore({ maxEvents: 2, now: () => nowMs });
    for (const key of ["a", "b", "c"]) await held(await store.claim(key)).complete();
    expect((await store.claim("c")).state).toBe("done");
    expect((await store.claim("b")).state).toBe("done");
    expect((await store.claim("a")).state).toBe("claimed");
  });

  it("forgets none that could be replayed, however full it is", async () => {
    const store = memoryStore({ maxEvents: 2, now: () => nowMs });
    const keys = Array.from({ length: 1000 }, (_, number) => `young-${number}`);
    for (const key of keys) await held(await store.claim(key, nowMs + 300_000)).complete();
    nowMs += 299_999;
    const states = await Promise.all(keys.map(async (key) => (await store.claim(key)).state));
    expect(new Set(states)).toEqual(new Set(["done"]));
    nowMs += 1;
    await held(await store.claim("newer")).complete();
    expect((await store.claim("young-0")).state).toBe("claimed");
  });

  it("is not made with room for none", () => {
    expect(() => memoryStore({ maxEvents: Number.NaN })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
  });
});

describe("the redis store", () => {
  it("fails when its server is away, instead of calling anything new", async () => {
    const away = new Redis({
      host: "127.0.0.1",
      port: 1,
      lazyConnect: true,
      enableOfflineQueue: false,
      retryStrategy: () => null,
    });
    away.on("error", () => {});
    await expect(redisStore({ client: away }).claim("a")).rejects.toThrow("Stream isn't writeable");
    away.disconnect();
  });
});
