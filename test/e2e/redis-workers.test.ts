/** Three machines' worth of processes on one Redis: some are killed, Redis itself is killed once, nothing is lost. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { WebhookError } from "../../src/event/errors.ts";
import { WebhookManager } from "../../src/manager/manager.ts";
import { redisOutbox } from "../../src/outbox/redis/index.ts";
import { reasonWithoutRedisServer, startRedis } from "../support/redis-server.ts";
import { listening } from "../support/listening.ts";

/** `MOVA_E2E_LONG=1` asks for the long form. */
const eventCount = process.env.MOVA_E2E_LONG === "1" ? 100_000 : 10_000;
const workerCount = 3;
const concurrency = 16;
const killEveryMs = 2000;
const giveUpAfterMs = 240_000;
const worker = fileURLToPath(new URL("redis-worker.mjs", import.meta.url));

/** Counts how often each webhook-id arrives. */
async function startSink() {
  const arrivals = new Map<string, number>();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      const id = String(request.headers["webhook-id"]);
      arrivals.set(id, (arrivals.get(id) ?? 0) + 1);
      response.end();
    });
  });
  return { arrivals, url: `http://127.0.0.1:${await listening(server)}/` };
}

it.skipIf(reasonWithoutRedisServer())(
  `${workerCount} workers, one killed every ${killEveryMs / 1000} s, and a Redis that is killed once deliver ${eventCount} events, all of them`,
  async ({ onTestFinished }) => {
    // A killed process loses nothing that it wrote, synced or not; `always` would only measure the disk.
    const redis = await startRedis("--appendonly", "yes", "--appendfsync", "everysec");
    const sink = await startSink();
    const workers: ChildProcess[] = [];
    let killing = true;
    onTestFinished(async () => {
      killing = false;
      for (const process of workers) process.kill("SIGKILL");
      await redis.end();
    });

    /** Resolves when the worker delivers, or ended because Redis was away. */
    async function startWorker(place: number): Promise<void> {
      const process = fork(worker, [redis.url, sink.url], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
      workers[place] = process;
      await Promise.race([once(process, "message"), once(process, "exit")]);
    }

    let kills = 0;
    /** On a busy machine a worker takes longer than that to start: it is not killed before it delivers. */
    async function killNowAndThen(): Promise<void> {
      for (;;) {
        await sleep(killEveryMs);
        if (!killing) return;
        const place = kills % workerCount;
        workers[place]?.kill("SIGKILL");
        kills += 1;
        await startWorker(place);
      }
    }

    let isRestarted = false;
    async function restartRedisHalfway(): Promise<void> {
      while (killing && sink.arrivals.size < eventCount / 2) await sleep(20);
      await redis.stop("SIGKILL");
      await redis.start();
      isRestarted = true;
    }

    const publisher = new WebhookManager({
      config: false,
      outbox: redisOutbox({ url: redis.url, leaseMs: 3000 }),
      endpoints: [{ id: "sink", url: sink.url, secret: "end-to-end-secret-of-24-bytes" }],
      eventTypes: ["e2e.sent"],
      network: { allow: ["127.0.0.1"] },
    });
    async function publish(id: string): Promise<void> {
      for (;;) {
        try {
          await publisher.triggerEvent("e2e.sent", { id }, { id });
          return;
        } catch (error) {
          if (!WebhookError.is(error, "OUTBOX_UNAVAILABLE")) throw error;
        }
      }
    }
    async function publishAll(): Promise<void> {
      let next = 0;
      async function publishInTurn(): Promise<void> {
        while (next < eventCount) await publish(`evt_${next++}`);
      }
      await Promise.all(Array.from({ length: 16 }, publishInTurn));
    }

    await Promise.all(Array.from({ length: workerCount }, (_, place) => startWorker(place)));
    const killed = killNowAndThen();
    const startedAt = performance.now();
    await Promise.all([publishAll(), restartRedisHalfway()]);
    while (sink.arrivals.size < eventCount && performance.now() - startedAt < giveUpAfterMs) await sleep(50);
    const tookMs = performance.now() - startedAt;
    killing = false;
    await killed;

    const total = [...sink.arrivals.values()].reduce((sum, count) => sum + count, 0);
    const duplicates = total - sink.arrivals.size;
    console.log({ events: sink.arrivals.size, duplicates, kills, seconds: Math.round(tookMs / 100) / 10 });
    expect(sink.arrivals.size).toBe(eventCount);
    expect(isRestarted).toBe(true);
    expect(kills).toBeGreaterThan(0);
    // At most what was in flight: in a killed worker, and in all of them when Redis was killed.
    expect(duplicates).toBeLessThanOrEqual((kills + workerCount) * concurrency);

    for (let tries = 0; tries < 200; tries += 1) {
      const open = (await publisher.find({ state: "pending" })).deliveries.length;
      const held = (await publisher.find({ state: "delivering" })).deliveries.length;
      if (open + held === 0) break;
      await sleep(50);
    }
    expect((await publisher.find({ state: "dead" })).deliveries).toEqual([]);
    expect((await publisher.find({ state: "pending" })).deliveries).toEqual([]);
    expect((await publisher.find({ state: "delivering" })).deliveries).toEqual([]);
    await publisher.close();
  },
);
