/** Programs whose Redis is behind a Sentinel, a Cluster or a Unix socket: what they are really connected to counts. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { type FakeEndpoint, fakeEndpoint } from "mova-webhooks/testing";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { childProject, webhookEnvironment } from "../support/child-project.ts";
import { freePort } from "../support/free-port.ts";
import { reasonWithoutRedisServer, type RedisServer, startRedis } from "../support/redis-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let receiver: FakeEndpoint;
const servers: RedisServer[] = [];
let sentinel: ChildProcess | undefined;

beforeEach(async () => {
  receiver = await fakeEndpoint();
});
afterEach(async () => {
  sentinel?.kill("SIGKILL");
  await Promise.all([receiver.close(), ...servers.splice(0).map((server) => server.end())]);
});

async function server(...settings: string[]): Promise<RedisServer> {
  const started = await startRedis(...settings);
  servers.push(started);
  return started;
}

async function startSentinel(of: RedisServer): Promise<number> {
  const port = await freePort();
  const file = join(temporaryFolder(), "sentinel.conf");
  writeFileSync(file, `port ${port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 ${of.port} 1\n`);
  sentinel = spawn("redis-server", [file, "--sentinel"], { stdio: ["ignore", "pipe", "inherit"] });
  const { stdout } = sentinel;
  for await (const chunk of stdout?.setEncoding("utf8") ?? []) if (String(chunk).includes("+monitor")) break;
  return port;
}

const skip = reasonWithoutRedisServer() !== undefined;

/** Runs a program that connects with `client`; returns the events, which its end completes. */
async function eventsOf(client: string, take = "Redis, Cluster"): Promise<readonly unknown[]> {
  const project = childProject();
  const from = take === "createClient" ? "redis" : "ioredis";
  project.write(
    "app.mjs",
    `import { ${take} } from "${from}";
    const client = ${client};
    await client.connect?.().catch(() => {});
    console.log(await client.ping());
    await client.quit();`,
  );
  const env = { ...webhookEnvironment(receiver.url), MOVA_WEBHOOK_OUTBOX: "memory" };
  expect(await project.run("app.mjs", { env })).toEqual({
    code: 0,
    signal: null,
    stdout: "PONG\n",
    stderr: "",
  });
  return receiver.requests.map(({ body }) => {
    const { event_type, data } = JSON.parse(body.toString()) as { event_type: string; data: object };
    return { event_type, ...data };
  });
}

const upAndDown = (where: object): readonly object[] => [
  { event_type: "redis.connected", ...where },
  { event_type: "redis.disconnected", ...where, reconnecting: false },
];

it.skipIf(skip)(
  "a Sentinel tells where to connect: that is told, and asking it is no connection",
  async () => {
    const redis = await server();
    const port = await startSentinel(redis);
    const client = `new Redis({ sentinels: [{ host: "127.0.0.1", port: ${port} }], name: "main" })`;
    expect(await eventsOf(client)).toEqual(
      upAndDown({ library: "ioredis", host: "127.0.0.1", port: redis.port, db: 0 }),
    );
  },
);

it.skipIf(skip)("of a Cluster, connections that only ask it are none", async () => {
  const { port } = await server("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1");
  const setUp = new Redis(port, "127.0.0.1");
  await setUp.cluster("ADDSLOTSRANGE", 0, 16383);
  await vi.waitFor(async () => expect(await setUp.cluster("INFO")).toContain("cluster_state:ok"), 10_000);
  await setUp.quit();
  const client = `new Cluster([{ host: "127.0.0.1", port: ${port} }])`;
  expect(await eventsOf(client)).toEqual(upAndDown({ library: "ioredis", host: "127.0.0.1", port, db: 0 }));
});

it.skipIf(skip).each([
  ["ioredis", "Redis", (path: string) => `new Redis({ path: "${path}", lazyConnect: true })`],
  ["node-redis", "createClient", (path: string) => `createClient({ socket: { path: "${path}" } })`],
])("a Unix socket is told by its path by %s", async (library, take, client) => {
  const path = join(temporaryFolder(), "redis.sock");
  await server("--unixsocket", path);
  expect(await eventsOf(client(path), take)).toEqual(upAndDown({ library, path, db: 0 }));
});

it.skipIf(skip)("node-redis tells the address also where it comes from a URL", async () => {
  const redis = await server();
  const where = { library: "node-redis", host: "127.0.0.1", port: redis.port, db: 0 };
  expect(await eventsOf(`createClient({ url: "${redis.url}" })`, "createClient")).toEqual(upAndDown(where));
});
