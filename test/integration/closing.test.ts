/** The end of a manager: on time whatever is stuck, and with a word on what is lost. */
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Outbox, WebhookManager } from "mova-webhooks";
import { memoryOutbox } from "mova-webhooks";
import { redisOutbox } from "mova-webhooks/outbox/redis";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { openFile, sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { reasonWithoutRedisServer, startRedis } from "../support/redis-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const far = { id: "ops", url: "http://127.0.0.1:9/", secret };
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Ends whatever is not over by then, so that what never ends is told from what is slow on a busy machine. */
async function isOverBefore(
  ending: Promise<unknown>,
  releaseMs: number,
  release: () => void,
): Promise<boolean> {
  let released = false;
  const timer = setTimeout(() => {
    released = true;
    release();
  }, releaseMs);
  await Promise.allSettled([ending]);
  clearTimeout(timer);
  return !released;
}

describe.skipIf(!sqliteLoads)("while another process holds the lock of the SQLite file", () => {
  /** A started manager with so many events on their way into a file that is locked. */
  async function lockedOut(events: number): Promise<{
    readonly manager: WebhookManager;
    readonly triggered: readonly Promise<unknown>[];
    readonly unlock: () => void;
  }> {
    const path = join(temporaryFolder(), "outbox.db");
    const manager = testManager({ outbox: sqliteOutbox({ path }), endpoints: [far] });
    await manager.start();
    const other = openFile(path);
    ends.push(() => other.close());
    other.exec("BEGIN IMMEDIATE");
    const triggered = Array.from({ length: events }, (_, n) => manager.triggerEvent("cache.updated", { n }));
    for (const each of triggered) each.catch(() => undefined);
    return { manager, triggered, unlock: () => other.exec("COMMIT") };
  }

  it("a close is over in time, and events that could not be stored are refused", async () => {
    const { manager, triggered, unlock } = await lockedOut(3000);
    expect(await isOverBefore(manager.close(1000), 15_000, unlock)).toBe(true);
    const results = await Promise.allSettled(triggered);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(results[2999]).toMatchObject({ reason: { code: "CLOSED" } });
  }, 60_000);

  it("all events are refused within seconds, however many wait, and the program's turn comes all the while", async () => {
    const { triggered, unlock } = await lockedOut(3000);
    const before = performance.eventLoopUtilization();
    expect(await isOverBefore(Promise.allSettled(triggered), 30_000, unlock)).toBe(true);
    const { utilization } = performance.eventLoopUtilization(before);
    expect(await Promise.allSettled(triggered)).toMatchObject(
      Array.from({ length: 3000 }, () => ({ reason: { code: "OUTBOX_UNAVAILABLE" } })),
    );
    expect(utilization).toBeLessThan(0.5);
  }, 60_000);

  it("`drain` and `ready` are over in time", async () => {
    const { manager, unlock } = await lockedOut(600);
    expect(await isOverBefore(manager.drain(200), 15_000, unlock)).toBe(true);
    const ready = manager.ready();
    expect(await isOverBefore(ready, 30_000, unlock)).toBe(true);
    await expect(ready).rejects.toMatchObject({ code: "OUTBOX_UNAVAILABLE" });
  }, 60_000);
});

describe.skipIf(reasonWithoutRedisServer() !== undefined)("while Redis is stopped", () => {
  /** Its process is there and takes connections, but answers nothing. */
  async function stoppedRedis(): Promise<{
    readonly outbox: Outbox;
    readonly stop: () => void;
    readonly goOn: () => void;
  }> {
    const redis = await startRedis();
    ends.push(() => redis.end());
    return {
      outbox: redisOutbox({ url: redis.url }),
      stop: () => redis.signal("SIGSTOP"),
      goOn: () => redis.signal("SIGCONT"),
    };
  }

  it("a close is over before Redis is given up", async () => {
    const { outbox, stop, goOn } = await stoppedRedis();
    const endpoint = await testEndpoint(() => undefined);
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.start();
    await manager.triggerEvent("cache.updated", {});
    await endpoint.received(1);
    stop();
    const order: string[] = [];
    const stuck = outbox.counts().catch(() => order.push("given up"));
    await manager.close(500).then(() => order.push("closed"));
    goOn();
    await stuck;
    expect(order[0]).toBe("closed");
  });

  it("a close ends a start that waits for it, which does not begin to deliver any more", async () => {
    const { outbox, stop, goOn } = await stoppedRedis();
    await outbox.ping();
    stop();
    const manager = testManager({ outbox, endpoints: [far] });
    const started = manager.start();
    started.catch(() => undefined);
    await manager.close(500);
    await expect(started).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|OUTBOX_UNAVAILABLE/) });
    goOn();
  });
});

describe("an outbox that never answers", () => {
  const never = new Promise<never>(() => undefined);
  const stuck = (calls: readonly (keyof Outbox)[]): Outbox => {
    const outbox = memoryOutbox();
    return Object.assign(
      outbox,
      { name: "stuck" },
      Object.fromEntries(calls.map((call) => [call, () => never])),
    );
  };

  it("holds up no close, whatever phase the manager is in", async () => {
    for (const calls of [["ping"], ["put"], ["due"], ["claim"], ["settle"], ["counts"], ["close"]] as const) {
      const endpoint = await testEndpoint();
      const manager = testManager({
        outbox: stuck(calls),
        endpoints: [{ id: "ops", url: endpoint.url, secret }],
      });
      manager.start().catch(() => undefined);
      manager.triggerEvent("cache.updated", {}).catch(() => undefined);
      await manager.close(300);
      await expect(manager.triggerEvent("cache.updated", {})).rejects.toMatchObject({ code: "CLOSED" });
    }
  });

  it("holds up no drain", async () => {
    const manager = testManager({ outbox: stuck(["due"]) });
    manager.start().catch(() => undefined);
    expect(await manager.drain(50)).toBe(false);
  });
});

describe("a server", () => {
  it("is closed in time beside connections that are silent or stuck in a request", async () => {
    const manager = testManager({});
    await manager.start();
    const server = await manager.listen({ port: 0 });
    const port = Number(new URL(server.url).port);
    const [silent, half] = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    ends.push(
      () => silent.destroy(),
      () => half.destroy(),
    );
    half.write("POST /api/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{");
    await Promise.all([once(silent, "connect"), once(half, "connect")]);
    const cut = [silent, half].map((socket) => {
      socket.on("error", () => undefined);
      return new Promise((resolve) => socket.once("close", resolve));
    });
    await manager.close(300);
    expect(await Promise.all(cut)).toHaveLength(2);
  });

  it("that begins to listen while the manager ends is closed with it", async () => {
    const manager = testManager({});
    const listening = manager.listen({ port: 0 });
    const outcome = listening.then(
      ({ url }) => url,
      (error: unknown) => error,
    );
    await manager.close(300);
    expect(await outcome).toMatchObject({ code: "CLOSED" });
  });
});

describe("the memory outbox", () => {
  const retrying = { secret, retrySchedule: [0.3], retries: 5, circuitBreaker: false } as const;

  it("is closed after the retries that are due before the deadline", async () => {
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count > 2 ? 200 : 503).end(),
    );
    const manager = testManager({ endpoints: [{ ...retrying, url: endpoint.url }] });
    await manager.start();
    await manager.triggerEvent("cache.updated", {});
    await endpoint.received(1);
    await manager.close(10_000);
    expect(await endpoint.received(3)).toHaveLength(3);
  });

  it("waits for no retry that is due later, and says how many deliveries are lost", async () => {
    const endpoint = await testEndpoint(503);
    const warnings: unknown[] = [];
    const silent = (): void => undefined;
    const logger = {
      debug: silent,
      info: silent,
      error: silent,
      warn: (...line: unknown[]) => void warnings.push(line),
    };
    const late = { ...retrying, retrySchedule: [3600] };
    const manager = testManager({ logger, endpoints: [{ ...late, url: endpoint.url }] });
    await manager.start();
    await Promise.all([1, 2, 3].map((n) => manager.triggerEvent("cache.updated", { n })));
    await endpoint.received(3);
    await until(async () => (await manager.status())[0]?.pending === 3);
    await manager.close(60_000);
    expect(warnings).toContainEqual([{ outbox: "memory", count: 3 }, "undelivered deliveries are lost"]);
  });

  it("says nothing where nothing is lost", async () => {
    const endpoint = await testEndpoint();
    const warnings: unknown[] = [];
    const silent = (): void => undefined;
    const logger = {
      debug: silent,
      info: silent,
      error: silent,
      warn: (...line: unknown[]) => void warnings.push(line),
    };
    const manager = testManager({ logger, endpoints: [{ secret, url: endpoint.url }] });
    await manager.start();
    await manager.triggerEvent("cache.updated", {});
    await manager.close();
    expect(warnings).toEqual([]);
  });
});
