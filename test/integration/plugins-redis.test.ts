/** The Redis plugin on real clients, through a TCP relay that can go down and come back like a server. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Redis } from "ioredis";
import { redis } from "mova-webhooks/plugins/redis";
import { createClient } from "redis";
import { afterEach, describe, expect, it } from "vitest";
import { type CollectingHost, collectingHost } from "../../src/testing/collecting-host.ts";
import { until } from "../support/until.ts";

const target = new URL(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379");
const database = 9;

/** Stands in front of the shared Redis, so that a test can take "the server" down. */
class Relay {
  port = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  async up(): Promise<this> {
    this.#server = createServer((client) => {
      const upstream = connect(Number(target.port || 6379), target.hostname);
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      }
      client.pipe(upstream).pipe(client);
    });
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }
}

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function relay(): Promise<Relay> {
  const up = await new Relay().up();
  cleanUps.push(() => up.down());
  return up;
}

interface Driver {
  readonly client: object;
  connect(): Promise<unknown>;
  quit(): Promise<unknown>;
  ping(): Promise<unknown>;
  retries(): number;
}

function ioredis(port: number): Driver {
  const client = new Redis({
    host: "127.0.0.1",
    port,
    db: database,
    password: "",
    lazyConnect: true,
    retryStrategy: () => 5,
  });
  client.on("error", () => {});
  let retries = 0;
  client.on("reconnecting", () => (retries += 1));
  cleanUps.push(() => client.disconnect());
  return {
    client,
    connect: () => client.connect(),
    quit: () => client.quit(),
    ping: () => client.ping(),
    retries: () => retries,
  };
}

function nodeRedis(port: number): Driver {
  const client = createClient({ socket: { host: "127.0.0.1", port, reconnectStrategy: () => 5 }, database });
  client.on("error", () => {});
  let retries = 0;
  client.on("reconnecting", () => (retries += 1));
  cleanUps.push(() => client.destroy());
  return {
    client,
    connect: () => client.connect(),
    quit: () => client.close(),
    ping: () => client.ping(),
    retries: () => retries,
  };
}

const untilTypes = (host: CollectingHost, ...types: string[]): Promise<void> => {
  const wanted = types.map((type) => `redis.${type}`).join();
  return until(() => host.drafts.map(({ type }) => type).join() === wanted);
};

describe.each([
  ["ioredis", ioredis],
  ["node-redis", nodeRedis],
] as const)("%s", (library, make) => {
  it("makes one event of each real change: up, lost, many failed retries, back, closed", async () => {
    const server = await relay();
    const host = collectingHost(redis());
    const driver = make(server.port);
    expect(host.instrument(driver.client)).toBe(driver.client);
    expect(host.drafts).toEqual([]);
    await driver.connect();
    await untilTypes(host, "connected");

    await server.down();
    await untilTypes(host, "connected", "disconnected");
    await until(() => driver.retries() > 3);
    await server.up();
    await untilTypes(host, "connected", "disconnected", "connected");
    expect(await driver.ping()).toBe("PONG");

    await driver.quit();
    await untilTypes(host, "connected", "disconnected", "connected", "disconnected");
    const where = { library, host: "127.0.0.1", port: server.port, db: database };
    expect(host.drafts.map(({ data }) => data)).toEqual([
      where,
      { ...where, reconnecting: true },
      where,
      { ...where, reconnecting: false },
    ]);
  });

  it("invents no event for a client that is ready already, and sees it close", async () => {
    const server = await relay();
    const host = collectingHost(redis());
    const driver = make(server.port);
    await driver.connect();
    await driver.ping();
    host.instrument(driver.client);
    await driver.ping();
    expect(host.drafts).toEqual([]);
    await driver.quit();
    await untilTypes(host, "disconnected");
  });

  it("adds one listener for each signal, however many managers watch, and all of them hear it", async () => {
    const server = await relay();
    const driver = make(server.port);
    const emitter = driver.client as NodeJS.EventEmitter;
    const hosts = Array.from({ length: 11 }, () => collectingHost(redis()));
    hosts[0]?.instrument(driver.client);
    const count = (): number[] => emitter.eventNames().map((name) => emitter.listenerCount(name));
    const withOne = count();
    for (const host of hosts) host.instrument(driver.client);
    expect(count()).toEqual(withOne);
    await driver.connect();
    for (const host of hosts) await untilTypes(host, "connected");
    await driver.quit();
    for (const host of hosts) await untilTypes(host, "connected", "disconnected");
  });

  it("adds no listener for `error`", async () => {
    const driver = make((await relay()).port);
    const emitter = driver.client as NodeJS.EventEmitter;
    const before = emitter.listenerCount("error");
    collectingHost(redis()).instrument(driver.client);
    expect(emitter.listenerCount("error")).toBe(before);
  });
});

it("recognises each client by its own reading, and no other object", () => {
  const [first, second] = redis().instrument?.objects ?? [];
  const clients = [ioredis(1).client, nodeRedis(1).client];
  expect(clients.map((client) => first?.recognises(client))).toEqual([true, false]);
  expect(clients.map((client) => second?.recognises(client))).toEqual([false, true]);
});
