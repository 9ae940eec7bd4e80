/** The Redis plugin: connections that come up and go down. */
import { checkOptions, definePlugin } from "mova-webhooks/plugin";
import { ioredisClient, ioredisModule } from "./ioredis.ts";
import { nodeRedisClient, nodeRedisModule } from "./node-redis.ts";
import type { Connection } from "./watch-connection.ts";

type RedisEvents = {
  "redis.connected": Partial<Connection>;
  "redis.disconnected": Partial<Connection> & {
    /** True where the client tries again by itself. */
    readonly reconnecting?: boolean;
  };
};

/** Watches clients of ioredis and node-redis. */
export function redis(options: Readonly<Record<string, never>> = {}) {
  checkOptions("redis", options, {});
  return definePlugin<"redis", RedisEvents>({
    contract: 1,
    name: "redis",
    events: {
      "redis.connected": {
        summary: "A Redis client's connection became ready.",
        example: { library: "ioredis", host: "127.0.0.1", port: 6379, db: 0 },
      },
      "redis.disconnected": {
        summary: "A Redis client lost or closed its connection.",
        example: { library: "ioredis", host: "127.0.0.1", port: 6379, db: 0, reconnecting: true },
      },
    },
    translate: {
      "redis:connected": (connection) => ({ type: "redis.connected", data: { ...connection } }),
      "redis:disconnected": (connection) => ({ type: "redis.disconnected", data: { ...connection } }),
    },
    instrument: { objects: [ioredisClient, nodeRedisClient], modules: [ioredisModule, nodeRedisModule] },
  });
}
