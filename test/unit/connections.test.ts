import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it } from "vitest";
import { until } from "../support/until.ts";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { buildConnector } from "undici";
import { type Connection, Connections } from "../../src/delivery/http/connections.ts";
import { ResponseHandler } from "../../src/delivery/http/response.ts";
import { Sockets } from "../../src/delivery/http/sockets.ts";
import { listening } from "../support/listening.ts";

/** Nothing is sent, so nothing connects. */
function connections(sockets = new Sockets(100)): Connections {
  return new Connections("http://127.0.0.1:9", () => () => undefined, sockets);
}

const turn = (): Promise<void> => new Promise(setImmediate);

/** Takes one and tells of it when it is there. */
function taken(pool: Connections): { connection?: Connection } {
  const got: { connection?: Connection } = {};
  pool.take((connection) => (got.connection = connection));
  return got;
}

it("every use runs in the context it was asked for in, whoever opens or gives back the connection", async () => {
  const storage = new AsyncLocalStorage<number>();
  const pool = connections();
  const contexts: (number | undefined)[] = [];
  const lent: Connection[] = [];
  for (let n = 0; n < 20; n += 1) {
    storage.run(n, () =>
      pool.take((connection) => {
        contexts.push(storage.getStore());
        lent.push(connection);
      }),
    );
  }
  expect(contexts).toHaveLength(8);
  storage.run(-1, () => pool.release(lent[0] as Connection, true));
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(contexts).toEqual(Array.from({ length: 20 }, (_, n) => n));
  pool.cutAll();
});

it("one that is given back goes to who waits, and one that went wrong to nobody", async () => {
  const pool = connections();
  const lent: Connection[] = [];
  for (let n = 0; n < 10; n += 1) pool.take((connection) => lent.push(connection));
  pool.release(lent[0] as Connection, true);
  pool.release(lent[1] as Connection, false);
  expect(lent).toHaveLength(9);
  expect(lent[8]).toBe(lent[0]);
  await new Promise(setImmediate);
  expect(lent).toHaveLength(10);
  expect(new Set(lent).size).toBe(9);
  expect(lent[9]).not.toBe(lent[1]);
  pool.cutAll();
});

it("an idle one gives way to what another endpoint needs, the one that was used longest ago first", async () => {
  const sockets = new Sockets(3);
  const [one, other, third] = [connections(sockets), connections(sockets), connections(sockets)];
  const held = [one, other, third].map((pool) => ({
    pool,
    connection: taken(pool).connection as Connection,
  }));
  for (const index of [1, 0, 2]) held[index]?.pool.release(held[index].connection, true);
  expect(taken(one).connection).toBe(held[0]?.connection);
  const fresh = taken(third);
  expect(fresh.connection).toBe(held[2]?.connection);
  expect(taken(third).connection).toBeDefined();
  expect([held[0], held[1], held[2]].map((each) => each?.connection.client.destroyed)).toEqual([
    false,
    true,
    false,
  ]);
});

it("where none is idle, who waited longest gets the next place, of whichever endpoint", async () => {
  const sockets = new Sockets(1);
  const [one, other] = [connections(sockets), connections(sockets)];
  const first = taken(one);
  const [second, third] = [taken(other), taken(one)];
  one.release(first.connection as Connection, true);
  await turn();
  expect([second.connection === undefined, third.connection]).toEqual([false, undefined]);
  other.release(second.connection as Connection, true);
  await turn();
  expect(third.connection).toBeDefined();
  const fourth = taken(one);
  one.release(third.connection as Connection, true);
  expect(fourth.connection).toBe(third.connection);
});

it("after a shortage fewer are open, for a moment none is opened, and who waits gets one later", async () => {
  const sockets = new Sockets(100);
  const pool = connections(sockets);
  const held = [taken(pool), taken(pool), taken(pool), taken(pool)];
  pool.release(held[0]?.connection as Connection, true);
  const failed = held[3]?.connection as Connection;
  sockets.short();
  pool.release(failed, false);
  pool.release(held[1]?.connection as Connection, false);
  expect(held[0]?.connection?.client.destroyed).toBe(true);
  const waiting = taken(connections(sockets));
  await turn();
  expect(waiting.connection).toBeUndefined();
  await until(() => waiting.connection !== undefined);
});

it("is closed when it was idle for our own time, whatever the receiver hints at", async () => {
  const closed: Promise<unknown>[] = [];
  const server = createServer((_, response) => {
    response.writeHead(200, { Connection: "keep-alive", "Keep-Alive": "timeout=600" }).end();
  });
  server.keepAliveTimeout = 600_000;
  server.on("connection", (socket: Socket) => closed.push(once(socket, "close")));
  const origin = `http://127.0.0.1:${await listening(server)}`;
  const pool = new Connections(origin, () => buildConnector({}), new Sockets(1), 50);
  const connection = taken(pool).connection as Connection;
  await new Promise<void>((resolve) => {
    const handler = new ResponseHandler(
      10_000,
      Date.now,
      (text) => text,
      (_, whole) => {
        pool.release(connection, whole);
        resolve();
      },
    );
    connection.client.dispatch({ method: "POST", path: "/", body: "1" }, handler);
  });
  await Promise.all(closed);
  expect(closed).toHaveLength(1);
});
