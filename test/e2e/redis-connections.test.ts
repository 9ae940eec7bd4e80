/** Redis clients of a program that does not know of us, whose server is killed, comes back, and is left cleanly. */
import { fakeEndpoint, type FakeEndpoint } from "mova-webhooks/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChildProject, childProject, webhookEnvironment } from "../support/child-project.ts";
import { reasonWithoutRedisServer, type RedisServer, startRedis } from "../support/redis-server.ts";

const ioredis = `import { Redis } from "ioredis";
  const client = new Redis(process.env.REDIS_URL, { retryStrategy: () => 20 });
  const ready = () => client.status === "ready";
  const quit = () => client.quit();`;

const nodeRedis = `import { createClient } from "redis";
  const client = createClient({ url: process.env.REDIS_URL, socket: { reconnectStrategy: () => 20 } });
  void client.connect();
  const ready = () => client.isReady;
  const quit = () => client.quit();`;

/** Tells its state in lines, and ends cleanly when it is told to. */
const program = (client: string): string => `${client}
  client.on("error", () => {});
  let retries = 0;
  client.on("reconnecting", () => { retries += 1; });
  const until = async (condition) => { while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5)); };
  await until(ready); console.log("up");
  await until(() => !ready()); await until(() => retries > 5); console.log("tried in vain");
  await until(ready); console.log("up again");
  await quit();`;

let receiver: FakeEndpoint;
let redis: RedisServer;
let project: ChildProject;

beforeEach(async () => {
  receiver = await fakeEndpoint();
  redis = await startRedis();
});
afterEach(async () => {
  await redis.end();
  await receiver.close();
});

const clients = [
  ["ioredis 6", "ioredis", ioredis, {}],
  ["ioredis 5", "ioredis", ioredis, { ioredis: "ioredis5" }],
  ["redis 6", "node-redis", nodeRedis, {}],
  ["redis 5", "node-redis", nodeRedis, { redis: "redis5" }],
  ["redis 4", "node-redis", nodeRedis, { redis: "redis4" }],
] as const;

describe.skipIf(reasonWithoutRedisServer() !== undefined)(
  "each real change of a connection is one event",
  () => {
    it.each(clients)("of %s", async (_, library, client, versions) => {
      project = childProject(versions);
      project.write("app.mjs", program(client));
      let step = Promise.resolve();
      const env = { ...webhookEnvironment(receiver.url), REDIS_URL: redis.url };
      const ended = await project.run("app.mjs", {
        env,
        onOutput(text) {
          if (text.includes("up\n")) step = redis.stop("SIGKILL");
          if (text.includes("in vain\n")) step = step.then(() => redis.start());
        },
      });
      expect(ended).toMatchObject({ code: 0, stderr: "", stdout: "up\ntried in vain\nup again\n" });
      const got = receiver.requests.map(({ body }) => JSON.parse(body.toString()));
      const byTime = got.sort((left, right) => left.timestamp.localeCompare(right.timestamp));
      expect(byTime.map(({ event_type, data }) => [event_type, data.library, data.reconnecting])).toEqual([
        ["redis.connected", library, undefined],
        ["redis.disconnected", library, true],
        ["redis.connected", library, undefined],
        ["redis.disconnected", library, false],
      ]);
    });
  },
);
