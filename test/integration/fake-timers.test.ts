/** Fake timers of a test framework, on for a while in the program that uses this package: nothing hangs. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { memoryOutbox, type Outbox } from "mova-webhooks";
import { redisOutbox } from "mova-webhooks/outbox/redis";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { Redis } from "ioredis";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { reasonWithoutRedis, redisUrl } from "../support/redis-subject.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const prefix = `mova-test-${randomUUID()}`;
const withoutRedis = await reasonWithoutRedis();

const stores: readonly [string, boolean, () => Outbox][] = [
  ["memory", true, () => memoryOutbox()],
  ["SQLite", sqliteLoads, () => sqliteOutbox({ path: join(temporaryFolder(), "outbox.db") })],
  [
    "Redis",
    withoutRedis === undefined,
    () => redisOutbox({ url: redisUrl, prefix: `${prefix}:${randomUUID()}` }),
  ],
];

// Registered after the hooks that close managers, so that it runs before them.
afterEach(() => void vi.useRealTimers());

afterAll(async () => {
  if (withoutRedis !== undefined) return;
  const client = new Redis(redisUrl);
  const keys = await client.keys(`${prefix}:*`);
  if (keys.length > 0) await client.del(keys);
  await client.quit();
});

describe.each(stores)("with a %s outbox", (_, isHere, open) => {
  it.skipIf(!isHere)("an event that is triggered under fake timers is stored and delivered", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ outbox: open(), endpoints: [{ url: endpoint.url, secret }] });
    await manager.start();
    vi.useFakeTimers();
    const { id, deliveries } = await manager.triggerEvent("cache.updated", { key: "a" });
    vi.useRealTimers();
    expect(deliveries).toHaveLength(1);
    const [request] = await endpoint.received(1);
    expect(request?.headers["webhook-id"]).toBe(id);
  });

  it.skipIf(!isHere)("draining and closing end under fake timers, at their deadlines too", async () => {
    const hanging = await testEndpoint(() => undefined);
    const manager = testManager({ outbox: open(), endpoints: [{ url: hanging.url, secret }] });
    await manager.start();
    vi.useFakeTimers();
    await manager.triggerEvent("cache.updated", { key: "a" });
    await hanging.received(1);
    expect(await manager.drain(50)).toBe(false);
    await manager.close(50);
  });

  it.skipIf(!isHere)("a whole life under fake timers takes its usual way, retries apart", async () => {
    vi.useFakeTimers();
    const endpoint = await testEndpoint();
    const manager = testManager({ outbox: open(), endpoints: [{ url: endpoint.url, secret }] });
    await manager.start();
    await manager.triggerEvent("cache.updated", { key: "a" });
    await endpoint.received(1);
    expect(await manager.drain(10_000)).toBe(true);
    await manager.close();
  });

  it.skipIf(!isHere)("a retry is made though timers were fake when the manager was made", async () => {
    vi.useFakeTimers();
    const endpoint = await testEndpoint((_request, response, count) => {
      response.writeHead(count === 1 ? 503 : 204).end();
    });
    const settings = { url: endpoint.url, secret, retrySchedule: [0.05] };
    const manager = testManager({ outbox: open(), endpoints: [settings] });
    vi.useRealTimers();
    await manager.start();
    await manager.triggerEvent("cache.updated", { key: "a" });
    expect((await endpoint.received(2)).map(({ headers }) => headers["x-mova-attempt"])).toEqual(["1", "2"]);
  });
});
