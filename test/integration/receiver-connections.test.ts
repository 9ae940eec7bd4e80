/** What happens on a connection after a refusal, or when it breaks, whichever adapter receives. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AnswerOptions } from "../../src/receiver/answer.ts";
import { fastifyWebhook } from "../../src/receiver/fastify.ts";
import { WebhookReceiver } from "../../src/receiver/receiver.ts";
import { RawClient } from "../support/raw-client.ts";
import {
  type Adapter,
  adapters,
  adaptersBehindTimeout,
  expressBehindTimeout,
} from "../support/receiver-adapters.ts";
import { eventBody, signedAtMs, signRequest, testSecret } from "../support/signed-request.ts";
import { listening } from "../support/listening.ts";
import { until } from "../support/until.ts";

const good = signRequest(eventBody("test.quick"));
const large = signRequest(eventBody("test.quick", "x".repeat(1_200_000)), { id: "evt_large" });
/** Within the limit, and more than a socket's buffers hold. */
const long = Buffer.alloc(1_000_000);
const unsigned = { "content-type": "application/json" };

let server: Server;
let port: number;
let handled: string[];
let releaseHandler: () => void;
let logged: { level: string; fields: object }[];

async function start(adapter: Adapter, options: AnswerOptions = {}): Promise<void> {
  const log =
    (level: string) =>
    (fields: object): void =>
      void logged.push({ level, fields });
  const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
  const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs, logger });
  receiver.addHandler("*", (_data, event) => handled.push(event.id));
  receiver.addHandler("test.slow", () => new Promise<void>((resolve) => (releaseHandler = resolve)));
  server = createServer(await adapter(receiver, options));
  port = await listening(server);
}

function openSockets(): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

beforeEach(() => {
  handled = [];
  logged = [];
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function expectToServe(client: RawClient): Promise<void> {
  client.sendHead("/webhook", good.headers, good.body.length);
  client.send(good.body);
  expect((await client.answer())?.status).toBe(200);
  expect(handled).toEqual(["evt_1"]);
}

describe.each(Object.entries(adapters))("after a refusal, the adapter for %s", (_name, adapter) => {
  const refusals: Readonly<Record<string, readonly [Record<string, string>, number]>> = {
    "too large": [large.headers, 413],
    unsigned: [unsigned, 401],
    "of another type": [{ ...large.headers, "content-type": "text/plain" }, 415],
    compressed: [{ ...large.headers, "content-encoding": "gzip" }, 415],
    "without a time": [{ ...large.headers, "webhook-timestamp": "soon" }, 400],
  };

  it.each(Object.entries(refusals))(
    "answers before the body of a request that is %s, reads it, and serves the next on the same connection",
    async (_why, [headers, status]) => {
      await start(adapter);
      const client = await RawClient.connect(port);
      const body = status === 413 ? large.body : long;
      client.sendHead("/webhook", headers, body.length);
      expect((await client.answer())?.status).toBe(status);
      client.send(body);
      await expectToServe(client);
    },
  );

  it("reads what comes in chunks beyond its limit, and serves the next on the same connection", async () => {
    await start(adapter);
    const client = await RawClient.connect(port);
    client.sendHead("/webhook", { ...large.headers, "transfer-encoding": "chunked" }, undefined);
    client.send(`${large.body.length.toString(16)}\r\n`);
    client.send(large.body);
    expect((await client.answer())?.status).toBe(413);
    client.send(`\r\n4\r\nmore\r\n0\r\n\r\n`);
    await expectToServe(client);
  });

  it("says that it will close where the body is larger than it will read, and does so", async () => {
    await start(adapter);
    const client = await RawClient.connect(port);
    client.sendHead("/webhook", large.headers, 40_000_000);
    const answer = await client.answer();
    expect(answer?.status).toBe(413);
    expect(answer?.head).toMatch(/\r\nconnection: close/i);
    client.send(Buffer.alloc(40_000_000));
    await client.closed();
  });

  it("answers a body that does not come in time, and serves the next", async () => {
    await start(adapter, { bodyWithin: 0.05 });
    const client = await RawClient.connect(port);
    client.sendHead("/webhook", good.headers, good.body.length);
    client.send(good.body.subarray(0, 10));
    const answer = await client.answer();
    expect(answer?.status).toBe(408);
    expect(JSON.parse(answer?.body ?? "")).toMatchObject({ status: "error", code: "BODY_INCOMPLETE" });
    await expectToServe(await RawClient.connect(port));
  });
});

const onNode = Object.entries(adapters).filter(([name]) => name !== "hono" && name !== "fetch");

describe.each(onNode)(
  "asked for a 100, as a listener for checkContinue, the adapter for %s",
  (_name, adapter) => {
    async function ask(headers: Record<string, string>, length: number): Promise<RawClient> {
      await start(adapter);
      const [listener] = server.listeners("request");
      server.on("checkContinue", listener as () => void);
      const client = await RawClient.connect(port);
      client.sendHead("/webhook", { ...headers, expect: "100-continue" }, length);
      return client;
    }

    it.each([
      [large.headers, 2_000_000, 413],
      [unsigned, 100, 401],
      [{ ...large.headers, "content-type": "text/plain" }, 100, 415],
    ])("refuses without one what its headers decide (%j, %d bytes)", async (headers, length, status) => {
      const answer = await (await ask(headers, length)).answer();
      expect(answer?.status).toBe(status);
      expect(answer?.head).toMatch(/\r\nconnection: close/i);
    });

    it("sends it for any other body, and then the answer", async () => {
      const client = await ask(good.headers, good.body.length);
      expect((await client.answer())?.status).toBe(100);
      client.send(good.body);
      expect((await client.answer())?.status).toBe(200);
    });
  },
);

it("the adapter for fastify leaves no error in Fastify's own log when clients go away", async () => {
  const lines: string[] = [];
  const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs });
  const app = fastify({ logger: { stream: { write: (line: string) => void lines.push(line) } } });
  await app.register(fastifyWebhook(receiver), { path: "/webhook" });
  await app.listen({ port: 0, host: "127.0.0.1" });
  server = app.server;
  port = (server.address() as AddressInfo).port;
  for (let number = 0; number < 20; number += 1) {
    const client = await RawClient.connect(port);
    client.sendHead("/webhook", good.headers, good.body.length);
    client.send(good.body.subarray(0, 10));
    await new Promise((resolve) => setImmediate(resolve));
    client.socket.resetAndDestroy();
  }
  for (let open = 1; open > 0; open = await openSockets())
    await new Promise((resolve) => setImmediate(resolve));
  await app.close();
  expect(lines.length).toBeGreaterThan(0);
  expect(
    lines.map((line) => (JSON.parse(line) as { level: number }).level).filter((level) => level >= 40),
  ).toEqual([]);
});

describe.each(Object.entries(adapters))("when the client goes away, the adapter for %s", (_name, adapter) => {
  it("says it at debug level, keeps nothing open and serves the next", async () => {
    await start(adapter);
    for (const [headers, sent] of [
      [good.headers, good.body.subarray(0, 10)],
      [unsigned, good.body.subarray(0, 10)],
      [large.headers, large.body.subarray(0, 100_000)],
    ] as const) {
      const client = await RawClient.connect(port);
      client.sendHead("/webhook", headers, headers === large.headers ? large.body.length : good.body.length);
      client.send(sent);
      if (headers === good.headers) await new Promise((resolve) => setImmediate(resolve));
      else await client.answer();
      client.socket.resetAndDestroy();
    }
    await until(() => logged.length > 0);
    for (let open = 1; open > 0; open = await openSockets())
      await new Promise((resolve) => setImmediate(resolve));
    expect(logged.map(({ level }) => level)).toEqual(["debug"]);
    await expectToServe(await RawClient.connect(port));
  });

  it("while a handler runs, lets it end", async () => {
    await start(adapter);
    const slow = signRequest(eventBody("test.slow"));
    const client = await RawClient.connect(port);
    client.sendHead("/webhook", slow.headers, slow.body.length);
    client.send(slow.body);
    await until(() => handled.length === 1);
    client.socket.resetAndDestroy();
    for (let open = 1; open > 0; open = await openSockets())
      await new Promise((resolve) => setImmediate(resolve));
    releaseHandler();
    const second = await RawClient.connect(port);
    second.sendHead("/webhook", slow.headers, slow.body.length);
    second.send(slow.body);
    expect((await second.answer())?.status).toBe(200);
    expect(handled).toEqual(["evt_1"]);
  });
});

describe.each(Object.entries(adaptersBehindTimeout))(
  "behind a timeout that has answered, the adapter for %s",
  (_name, adapter) => {
    it.each([
      ["signed", good.headers],
      ["not signed well", { ...good.headers, "webhook-signature": "v1,AAAA" }],
    ])("lets that answer stand when the rest of a body comes that is %s", async (_what, headers) => {
      const timeout = { isOver: (): void => {} };
      await start((receiver, options) => adapter(receiver, options, timeout));
      const client = await RawClient.connect(port);
      client.sendHead("/webhook", headers, good.body.length);
      client.send(good.body.subarray(0, 10));
      await until(() => timeout.isOver.name === "answer");
      timeout.isOver();
      expect((await client.answer())?.status).toBe(503);
      client.send(good.body.subarray(10));
      timeout.isOver = () => {};
      await expectToServe(client);
    });
  },
);

describe.each(Object.entries(expressBehindTimeout))(
  "behind a timeout that answers once the request is over, the adapter for %s",
  (_name, adapter) => {
    it("leaves the answer to it", async () => {
      const timeout = { isOver: (): void => {} };
      await start((receiver, options) => adapter(receiver, options, timeout));
      const client = await RawClient.connect(port);
      client.sendHead("/webhook", good.headers, good.body.length);
      client.send(good.body.subarray(0, 10));
      await until(() => timeout.isOver.name === "answer");
      timeout.isOver();
      // Express hands an error to its last handler in the next turn.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      client.send(good.body.subarray(10));
      expect((await client.answer())?.status).toBe(503);
      await expectToServe(client);
    });

    it("lets it do no harm where the answer was given before", async () => {
      const timeout = { isOver: (): void => {} };
      await start((receiver, options) => adapter(receiver, options, timeout));
      const client = await RawClient.connect(port);
      client.sendHead("/webhook", { ...large.headers, "transfer-encoding": "chunked" }, undefined);
      await until(() => timeout.isOver.name === "answer");
      timeout.isOver();
      // Express hands an error to its last handler in the next turn.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      client.send(`${large.body.length.toString(16)}\r\n`);
      client.send(large.body);
      expect((await client.answer())?.status).toBe(413);
      client.send("\r\n0\r\n\r\n");
      await expectToServe(client);
    });
  },
);
