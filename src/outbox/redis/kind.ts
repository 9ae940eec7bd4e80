/** The Redis outbox as one of the stores that may be chosen; it and what it needs are loaded when it is opened. */
import type { OutboxKind } from "../kind.ts";
import { redisOptions, type RedisOutboxOptions, redisUrl } from "./options.ts";

export const redisKind: OutboxKind<RedisOutboxOptions> = {
  name: "redis",
  title: "Redis",
  guarantees: { durable: true, shared: true, transactional: false, clusterLimits: false },
  isOurs: true,
  options: redisOptions,
  fromText: {
    expected: redisUrl.expected,
    read: (text) => (redisUrl.pattern.test(text) ? { url: text } : undefined),
  },
  async open(options, surroundings) {
    const { redisOutbox } = await import("./index.ts");
    return redisOutbox({ ...options, ...surroundings });
  },
  async examine(options) {
    const { checkRedisSettings } = await import("./server-settings.ts");
    return (await checkRedisSettings(options)).map(({ setting, found, severity, remedy }) => ({
      level: severity === "error" ? "fail" : "warn",
      message: `${setting} is ${found}`,
      remedy,
    }));
  },
  async readClock(options) {
    const { readRedisClock } = await import("./server-clock.ts");
    return readRedisClock(options);
  },
};
