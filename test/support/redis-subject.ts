/** A Redis outbox's store for tests: the server on this machine under a key prefix of its own. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { RedisOutbox } from "../../src/outbox/redis/redis-outbox.ts";
import type { RedisOutboxOptions } from "../../src/outbox/redis/options.ts";
import { RedisSession } from "../../src/outbox/redis/session.ts";
import type { OutboxSubject } from "../../src/testing/outbox-suite.ts";

export const redisUrl = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";

/** Why tests that need Redis cannot run here; undefined where they can. */
export async function reasonWithoutRedis(): Promise<string | undefined> {
  const client = new Redis(redisUrl, { lazyConnect: true, retryStrategy: null });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return undefined;
  } catch {
    return "no Redis answers on 127.0.0.1:6379";
  } finally {
    client.disconnect();
  }
}

export interface RedisSubject extends OutboxSubject {
  readonly prefix: string;
  readonly client: Redis;
  open(more?: RedisOutboxOptions): Promise<RedisOutbox>;
  /** Closes every outbox and removes every key. */
  end(): Promise<void>;
}

/** Redis counts its locks in real time, so that time passes for real here. */
export function redisSubject(leaseMs = 1500): RedisSubject {
  const prefix = `mova-test-${randomUUID()}`;
  const client = new Redis(redisUrl);
  const stops = new Map<Outbox, (() => void)[]>();

  return {
    prefix,
    client,
    withoutHands: "Redis changes a delivery by its attempts alone",
    async open(more = {}) {
      const own: (() => void)[] = [];
      const session = new RedisSession({ url: redisUrl, prefix, leaseMs, ...more });
      const outbox = new RedisOutbox(session, (intervalMs, task) => {
        const timer = setInterval(task, intervalMs);
        const stop = () => clearInterval(timer);
        own.push(stop);
        return stop;
      });
      stops.set(outbox, own);
      return outbox;
    },
    now: Date.now,
    advance: (ms) => sleep(ms),
    async crash(outbox) {
      for (const stop of stops.get(outbox) ?? []) stop();
    },
    async end() {
      for (const outbox of stops.keys()) await outbox.close();
      const keys = await client.keys(`${prefix}:*`);
      if (keys.length > 0) await client.del(keys);
      await client.quit();
    },
  };
}
