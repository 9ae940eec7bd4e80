/** The same requests through every adapter, on real servers, get the same answers. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { beforeEach, describe, expect, it } from "vitest";
import type { AnswerOptions } from "../../src/receiver/answer.ts";
import { expressHandler } from "../../src/receiver/express.ts";
import { fastifyWebhook } from "../../src/receiver/fastify.ts";
import { fetchHandler } from "../../src/receiver/fetch.ts";
import { honoHandler } from "../../src/receiver/hono.ts";
import { nodeHandler } from "../../src/receiver/node.ts";
import { WebhookReceiver } from "../../src/receiver/receiver.ts";
import { type Adapter, adapters, type Listener } from "../support/receiver-adapters.ts";
import {
  eventBody,
  type SignedRequest,
  signedAtMs,
  signedAtSeconds,
  signRequest,
  testSecret,
} from "../support/signed-request.ts";
import { listening } from "../support/listening.ts";
import { until } from "../support/until.ts";

/** Fires the timer of the last request, as if the sender's patience came to its end. */
let timeIsUp: () => void;
let releaseHandler: () => void;
let handled: string[];

function makeReceiver(): WebhookReceiver {
  const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs });
  receiver.addHandler("*", (_data, event) => handled.push(event.id));
  receiver.addHandler("test.failing", () => Promise.reject(new Error("no")));
  receiver.addHandler("test.slow", () => new Promise<void>((resolve) => (releaseHandler = resolve)));
  return receiver;
}

async function listen(listener: Listener): Promise<string> {
  return `http://127.0.0.1:${await listening(createServer(listener))}/webhook`;
}

async function post(
  url: string,
  { body, headers }: SignedRequest,
): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(url, { method: "POST", body: new Uint8Array(body), headers });
  return { status: response.status, answer: await response.json() };
}

beforeEach(() => {
  handled = [];
  timeIsUp = () => {};
});

const good = signRequest(eventBody("test.quick"));
const cases: Readonly<Record<string, readonly [SignedRequest, number, string?]>> = {
  "a good request": [good, 200],
  "good bytes that are not ASCII": [signRequest(eventBody("test.quick", { größe: "日本" })), 200],
  "a changed body": [
    { ...good, body: Buffer.concat([good.body, Buffer.from("\n")]) },
    401,
    "SIGNATURE_INVALID",
  ],
  "a byte that decodes to the same text": [
    {
      ...signRequest(eventBody("test.quick", "\ufffd")),
      body: Buffer.from(eventBody("test.quick", "\u00ff"), "latin1"),
    },
    401,
    "SIGNATURE_INVALID",
  ],
  "no signature": [
    { body: good.body, headers: { "content-type": "application/json" } },
    401,
    "HEADERS_MISSING",
  ],
  "an old request": [signRequest(good.body, { timestamp: signedAtSeconds - 301 }), 401, "TIMESTAMP_EXPIRED"],
  "a bad time": [
    { ...good, headers: { ...good.headers, "webhook-timestamp": "soon" } },
    400,
    "TIMESTAMP_INVALID",
  ],
  "no event": [signRequest("null"), 400, "BODY_INVALID"],
  "an empty body": [signRequest(""), 400, "BODY_INVALID"],
  "bytes that are not UTF-8": [signRequest(Buffer.from([0x22, 0xff, 0x22])), 400, "BODY_INVALID"],
  "another content type": [
    { ...good, headers: { ...good.headers, "content-type": "text/plain" } },
    415,
    "BODY_ENCODED",
  ],
  "a charset": [
    { ...good, headers: { ...good.headers, "content-type": "application/json; charset=utf-8" } },
    200,
  ],
  "a body of 1 MiB": [
    signRequest(eventBody("test.quick", "x".repeat(1_048_576 - eventBody("test.quick", "").length))),
    200,
  ],
  "a larger body": [signRequest(eventBody("test.quick", "x".repeat(1_200_000))), 413, "BODY_TOO_LARGE"],
  "a handler that fails": [signRequest(eventBody("test.failing")), 500, "HANDLER_FAILED"],
};

describe.each(Object.entries(adapters))("the adapter for %s", (_name, adapter) => {
  const options: AnswerOptions = {
    startTimer: (callback, milliseconds) => {
      expect(milliseconds).toBe(10_000);
      timeIsUp = callback;
      return () => (timeIsUp = () => {});
    },
  };
  const start = async (): Promise<string> => listen(await adapter(makeReceiver(), options));

  it.each(Object.entries(cases))("answers %s", async (_name, [request, status, code]) => {
    const wanted = status === 200 ? { status: "success" } : { status: "error", code };
    expect(await post(await start(), request)).toMatchObject({ status, answer: wanted });
    expect(handled).toHaveLength(status === 200 || code === "HANDLER_FAILED" ? 1 : 0);
  });

  it("refuses a content coding", async () => {
    const gzipped = { ...good, headers: { ...good.headers, "content-encoding": "gzip" } };
    expect(await post(await start(), gzipped)).toMatchObject({
      status: 415,
      answer: { code: "BODY_ENCODED" },
    });
  });

  it("handles an event once, however often it is sent", async () => {
    const url = await start();
    expect((await post(url, good)).status).toBe(200);
    expect((await post(url, good)).status).toBe(200);
    expect(handled).toEqual(["evt_1"]);
  });

  it("answers 202 while a slow handler runs, 503 to the same event meanwhile, and 200 once it is done", async () => {
    const url = await start();
    const slow = signRequest(eventBody("test.slow"));
    const first = post(url, slow);
    await until(() => handled.length === 1);
    timeIsUp();
    expect(await first).toEqual({ status: 202, answer: { status: "accepted" } });
    expect(await post(url, slow)).toMatchObject({ status: 503, answer: { code: "EVENT_IN_PROGRESS" } });
    releaseHandler();
    expect((await post(url, slow)).status).toBe(200);
    expect(handled).toEqual(["evt_1"]);
  });

  it("answers an endless body at its limit and goes on serving", async () => {
    const url = await start();
    let sent = 0;
    let answered = false;
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // Lets the server, which is in the same process, have its turn.
        await new Promise((resolve) => setImmediate(resolve));
        if (answered || sent > 32 * 1_048_576) return controller.close();
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const response = await fetch(url, {
      method: "POST",
      body: endless,
      duplex: "half",
      headers: good.headers,
    });
    answered = true;
    expect(response.status).toBe(413);
    expect(sent).toBeGreaterThan(1_048_576);
    expect(sent).toBeLessThan(32 * 1_048_576);
    expect((await post(url, good)).status).toBe(200);
  });

  it("survives a sender that hangs up inside the body", async () => {
    const url = await start();
    const stop = new AbortController();
    const begun = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(good.body),
      pull: () => stop.abort(),
    });
    await expect(
      fetch(url, { method: "POST", body: begun, duplex: "half", headers: good.headers, signal: stop.signal }),
    ).rejects.toThrow("aborted");
    expect((await post(url, good)).status).toBe(200);
    expect(handled).toEqual(["evt_1"]);
  });
});

it("the handler for fetch is a route handler of Next.js", async () => {
  /** As Next.js derives its own request, and calls with the route's parameters beside it. */
  class NextRequest extends Request {}
  type RouteHandler = (request: NextRequest, context: { params: Promise<object> }) => Promise<Response>;
  const POST: RouteHandler = fetchHandler(makeReceiver());
  const send = ({ body, headers }: SignedRequest): Promise<Response> =>
    POST(
      new NextRequest("https://app.example/webhook", { method: "POST", body: new Uint8Array(body), headers }),
      { params: Promise.resolve({}) },
    );
  expect(await (await send(good)).json()).toEqual({ status: "success" });
  const refused = await send({ ...good, headers: {} });
  expect([refused.status, await refused.json()]).toMatchObject([401, { code: "HEADERS_MISSING" }]);
  expect(handled).toEqual(["evt_1"]);
});

it("answers 202 by itself when `answerWithin` is over", async () => {
  const url = await listen(nodeHandler(makeReceiver(), { answerWithin: 0.01 }));
  expect((await post(url, signRequest(eventBody("test.slow")))).status).toBe(202);
  releaseHandler();
});

describe("a body that was parsed before", () => {
  const parsedFirst: Readonly<Record<string, Adapter>> = {
    express: (receiver, options) => {
      const app = express();
      app.use(express.json());
      app.post("/webhook", expressHandler(receiver, options));
      return app;
    },
    hono: (receiver, options) => {
      const app = new Hono();
      app.use(async (c, next) => {
        await c.req.json();
        return next();
      });
      app.post("/webhook", honoHandler(receiver, options));
      return getRequestListener(app.fetch);
    },
    fetch: (receiver, options) =>
      getRequestListener(async (request) => {
        await request.json();
        return fetchHandler(receiver, options)(request);
      }),
  };

  it.each(Object.entries(parsedFirst))(
    "is explained by the adapter for %s, with a status that keeps the event",
    async (_name, adapter) => {
      const url = await listen(await adapter(makeReceiver(), {}));
      const { status, answer } = await post(url, good);
      expect({ status, answer }).toMatchObject({ status: 500, answer: { code: "BODY_PARSED" } });
      expect(JSON.stringify(answer)).toContain("disable the JSON body parser for this route");
      expect(JSON.stringify(answer)).not.toContain("use an adapter");
    },
  );

  it.each([
    ["express.raw()", express.raw({ type: "*/*" })],
    ["express.text()", express.text({ type: "*/*" })],
  ])("is good as %s leaves it", async (_name, parser) => {
    const app = express();
    app.post("/webhook", parser, expressHandler(makeReceiver()));
    expect((await post(await listen(app), good)).status).toBe(200);
  });

  it.each([
    ["bytes", (bytes: Buffer) => bytes],
    ["text", (bytes: Buffer) => bytes.toString()],
  ])("is good where the parser kept it on `request.rawBody` as %s", async (_kind, keep) => {
    const app = express();
    app.use(
      express.json({
        verify: (request, _response, bytes) => void Object.assign(request, { rawBody: keep(bytes) }),
      }),
    );
    app.post("/webhook", expressHandler(makeReceiver()));
    expect((await post(await listen(app), good)).status).toBe(200);
    expect(handled).toEqual(["evt_1"]);
  });

  it("is no concern of the Fastify adapter, which leaves other routes their parser", async () => {
    const app = fastify();
    await app.register(fastifyWebhook(makeReceiver()), { path: "/webhook" });
    app.post("/other", async (request) => request.body);
    const webhook = await app.inject({
      method: "POST",
      url: "/webhook",
      payload: good.body,
      headers: good.headers,
    });
    const other = await app.inject({ method: "POST", url: "/other", payload: { a: 1 } });
    expect([webhook.statusCode, other.json()]).toEqual([200, { a: 1 }]);
    await app.close();
  });
});

it.each(["node", "fetch"])("the adapter for %s, which has no router, answers other methods", async (name) => {
  const url = await listen(await (adapters[name] as Adapter)(makeReceiver(), {}));
  const response = await fetch(url);
  expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
});
