/** Receivers that misbehave in every way we know of: the attempt ends in time, with the right word, and harms nobody. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { type WebhookEndpoint, WebhookReceiver } from "mova-webhooks";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Outcome } from "../../src/event/attempt-outcome.ts";
import type { Attempt, Delivery } from "../../src/event/delivery.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import { HttpTransport } from "../../src/delivery/http/http-transport.ts";
import { createGuardedConnector } from "../../src/security/connector.ts";
import { resolvePolicy } from "../../src/security/network-policy.ts";
import {
  afterRequest,
  drip,
  fixture,
  type HostileOptions,
  type HostileServer,
  hostileServer,
  type Misbehaviour,
  pour,
  say,
  sayAndClose,
  sayAndReset,
} from "./hostile-servers.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { listening } from "../support/listening.ts";

const timeoutMs = 300;

async function start(misbehave: Misbehaviour, options: HostileOptions = {}): Promise<HostileServer> {
  const server = await hostileServer(misbehave, options);
  onTestFinished(() => server.close());
  return server;
}

/**
 * A manager with a hostile and a good endpoint. Answers a function that sends an event to both and answers the attempts
 * at the hostile one, after checking all that is promised of any.
 */
async function besideGood(url: string, settings: Partial<WebhookEndpoint> = {}) {
  const good = await testEndpoint();
  const hostile = { id: "hostile", url, secret, timeout: timeoutMs / 1000, retrySchedule: [0.01] };
  const manager = testManager({
    endpoints: [
      { ...hostile, ...settings },
      { id: "good", url: good.url, secret },
    ],
  });
  await manager.start();

  return async function send(): Promise<readonly Attempt[]> {
    const before = good.requests.length;
    const { id, deliveries } = await manager.triggerEvent("error.occurred", { text: "ärger" });
    const [attempts = [], others] = await Promise.all(
      deliveries.map(async (deliveryId) => (await finished(() => manager.get(deliveryId))).attempts),
    );
    for (const attempt of attempts) {
      expect(attempt.durationMs).toBeLessThanOrEqual(timeoutMs + 1000);
      expect(Buffer.byteLength(attempt.response ?? "")).toBeLessThanOrEqual(2048);
    }
    expect(others).toMatchObject([{ number: 1, outcome: "success", status: 204 }]);
    expect(good.requests).toHaveLength(before + 1);
    for (const request of good.requests.slice(before)) await verify(request, id);
    return attempts;
  };
}

async function finished(get: () => Promise<Delivery | undefined>): Promise<Delivery> {
  let delivery: Delivery | undefined;
  await until(async () => {
    delivery = await get();
    return delivery?.state === "delivered" || delivery?.state === "dead";
  });
  return delivery as Delivery;
}

async function verify({ body, headers }: HostileServer["served"][number], id?: string): Promise<void> {
  const received = await new WebhookReceiver({ secret }).receive(body, headers);
  expect(received).toMatchObject({
    ok: true,
    event: { data: { text: "ärger" }, ...(id === undefined ? {} : { id }) },
  });
}

interface Case {
  readonly name: string;
  readonly does: Misbehaviour;
  readonly outcome: Outcome;
  readonly status?: number;
  /** Beginning of the stored response. */
  readonly response?: RegExp;
}

const ok = "HTTP/1.1 200 OK\r\n";
const failed = "HTTP/1.1 500 Internal Server Error\r\n";
const bomb = gzipSync(Buffer.alloc(50_000_000));

const cases: readonly Case[] = [
  { name: "says nothing", does: () => undefined, outcome: "timeout" },
  { name: "reads the request and says nothing", does: afterRequest(() => undefined), outcome: "timeout" },
  { name: "drips its head", does: drip(`${ok}X-Drip: `, "x"), outcome: "timeout" },
  { name: "drips its status line", does: drip("HTTP/1.1 200 ", "x"), outcome: "timeout" },
  {
    name: "answers 103 without end",
    does: pour("", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(500)),
    outcome: "timeout",
  },
  { name: "drips 103s", does: drip("", "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"), outcome: "timeout" },
  { name: "drips 102s", does: drip("", "HTTP/1.1 102 Processing\r\n\r\n"), outcome: "timeout" },
  {
    name: "answers 100 without end",
    does: pour("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(500)),
    outcome: "invalid_response",
  },
  {
    name: "drips its body after 200",
    does: drip(`${ok}Content-Length: 1000000\r\n\r\n`, "x"),
    outcome: "success",
    status: 200,
  },
  {
    name: "drips its body after 500",
    does: drip(`${failed}Content-Length: 1000000\r\n\r\n`, "x"),
    outcome: "http_5xx",
    status: 500,
    response: /^x+$/,
  },
  {
    name: "stalls after the head of a 200",
    does: say(`${ok}Content-Length: 10\r\n\r\n`),
    outcome: "success",
    status: 200,
  },
  {
    name: "stalls after the head of a 404",
    does: say("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n"),
    outcome: "http_4xx",
    status: 404,
  },
  {
    name: "pours a body without end after 200",
    does: pour(`${ok}\r\n`, Buffer.alloc(16_384)),
    outcome: "success",
    status: 200,
  },
  {
    name: "pours a body without end after 500",
    does: pour(`${failed}\r\n`, "y".repeat(16_384)),
    outcome: "http_5xx",
    status: 500,
    response: /^y{2045}…$/,
  },
  {
    name: "pours chunks without end after 500",
    does: pour(`${failed}Transfer-Encoding: chunked\r\n\r\n`, "4\r\nzzzz\r\n".repeat(1000)),
    outcome: "http_5xx",
    status: 500,
    response: /^z{2045}…$/,
  },
  { name: "resets on accept", does: (socket) => void socket.resetAndDestroy(), outcome: "reset" },
  { name: "resets after the request", does: afterRequest(sayAndReset("")), outcome: "reset" },
  { name: "resets within its head", does: afterRequest(sayAndReset(`${ok}X-`)), outcome: "reset" },
  {
    name: "resets within its body after 200",
    does: afterRequest(sayAndReset(`${ok}Content-Length: 100\r\n\r\nhalf`)),
    outcome: "success",
    status: 200,
  },
  {
    name: "resets within its body after 503",
    does: afterRequest(sayAndReset("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf")),
    outcome: "http_5xx",
    status: 503,
    response: /^half$/,
  },
  { name: "closes without an answer", does: afterRequest((socket) => void socket.end()), outcome: "reset" },
  { name: "closes on accept", does: (socket) => void socket.end(), outcome: "reset" },
  { name: "closes within its head", does: afterRequest(sayAndClose(`${ok}Content-`)), outcome: "reset" },
  {
    name: "cuts its body short after 200",
    does: afterRequest(sayAndClose(`${ok}Content-Length: 100\r\n\r\nhalf`)),
    outcome: "success",
    status: 200,
  },
  {
    name: "cuts its chunks short after 200",
    does: afterRequest(sayAndClose(`${ok}Transfer-Encoding: chunked\r\n\r\n10\r\nhalf`)),
    outcome: "success",
    status: 200,
  },
  {
    name: "breaks its chunks after 400",
    does: afterRequest(sayAndClose("HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhalf")),
    outcome: "http_4xx",
    status: 400,
  },
  {
    name: "says more than its content-length",
    does: afterRequest(say(`${ok}Content-Length: 2\r\n\r\nmuch too long`)),
    outcome: "success",
    status: 200,
  },
  {
    name: "says 204 and sends a body",
    does: afterRequest(say("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")),
    outcome: "success",
    status: 204,
  },
  {
    name: "has two content-lengths",
    does: afterRequest(say(`${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhey`)),
    outcome: "invalid_response",
  },
  {
    name: "has a content-length and chunks",
    does: afterRequest(say(`${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)),
    outcome: "invalid_response",
  },
  {
    name: "has a negative content-length",
    does: afterRequest(say(`${ok}Content-Length: -1\r\n\r\n`)),
    outcome: "invalid_response",
  },
  {
    name: "has a content-length beyond all numbers",
    does: afterRequest(say(`${ok}Content-Length: ${"9".repeat(40)}\r\n\r\n`)),
    outcome: "invalid_response",
  },
  {
    name: "has a huge head",
    does: afterRequest(say(`${ok}X-Huge: ${"x".repeat(65_536)}\r\n\r\n`)),
    outcome: "invalid_response",
  },
  {
    name: "has ten thousand headers",
    does: afterRequest(say(`${ok}${"X: y\r\n".repeat(10_000)}\r\n`)),
    outcome: "invalid_response",
  },
  { name: "has a head without end", does: pour(ok, "X: y\r\n".repeat(100)), outcome: "invalid_response" },
  {
    name: "sends a compression bomb after 500",
    does: afterRequest(
      say(
        Buffer.concat([
          Buffer.from(
            `${failed}Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: ${bomb.length}\r\n\r\n`,
          ),
          bomb,
        ]),
      ),
    ),
    outcome: "http_5xx",
    status: 500,
  },
  {
    name: "speaks garbage",
    does: say(Buffer.from("\0\x01\xff\xfe SSH-2.0\r\n\r\n")),
    outcome: "invalid_response",
  },
  { name: "speaks SMTP", does: say("220 mail.example ESMTP\r\n"), outcome: "invalid_response" },
  {
    name: "answers as HTTP/0.9",
    does: afterRequest(sayAndClose("<p>fine</p>")),
    outcome: "invalid_response",
  },
  { name: "answers as HTTP/9.9", does: say("HTTP/9.9 200 OK\r\n\r\n"), outcome: "invalid_response" },
  { name: "answers 99", does: say("HTTP/1.1 99 Low\r\n\r\n"), outcome: "invalid_response" },
  {
    name: "answers 099",
    does: say("HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n"),
    outcome: "invalid_response",
  },
  { name: "answers 1000", does: say("HTTP/1.1 1000 High\r\n\r\n"), outcome: "invalid_response" },
  {
    name: "answers 999",
    does: say("HTTP/1.1 999 Odd\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    outcome: "invalid_response",
    status: 999,
  },
  {
    name: "switches protocols unasked",
    does: say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    outcome: "invalid_response",
  },
  {
    name: "answers before the request",
    does: say("HTTP/1.1 500 Early\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly"),
    outcome: "http_5xx",
    status: 500,
    response: /^early$/,
  },
  {
    name: "answers with what a terminal would obey",
    does: afterRequest(
      say(`${failed}Connection: close\r\nContent-Length: 16\r\n\r\n\x1b[2J\x00\x07cleared\n\x9b!`),
    ),
    outcome: "http_5xx",
    status: 500,
    response: /^\[2Jcleared\n\uFFFD!$/,
  },
  {
    name: "answers with half a character at the cut",
    does: afterRequest(say(Buffer.from(`${failed}Connection: close\r\n\r\nx${"€".repeat(3000)}`))),
    outcome: "http_5xx",
    status: 500,
    response: /^x€{681}…$/,
  },
  {
    name: "speaks TLS where plain text is due",
    does: say(Buffer.from("15030300020228", "hex")),
    outcome: "invalid_response",
  },
];

describe("an endpoint that", () => {
  it.each(cases)("$name ends as $outcome, and is served at the next attempt", async (given) => {
    const server = await start(given.does);
    const send = await besideGood(`http://127.0.0.1:${server.port}/hook`);
    const attempts = await send();
    expect(attempts[0]?.outcome).toBe(given.outcome);
    expect(attempts[0]?.status).toBe(given.status);
    expect(attempts[0]?.response ?? "none").toMatch(given.response ?? /^none$/);
    const retried = given.outcome !== "success" && given.outcome !== "http_4xx";
    expect(attempts.slice(1)).toMatchObject(retried ? [{ outcome: "success", status: 204 }] : []);
    expect(await send()).toMatchObject([{ number: 1, outcome: "success", status: 204 }]);
    expect(server.connections).toBeLessThanOrEqual(retried ? 3 : 2);
    for (const request of server.served) await verify(request);
  });
});

function transportTrusting(authority: string): HttpTransport {
  const policy = resolvePolicy({ allow: ["127.0.0.1"] });
  const ca = fixture(authority).toString();
  const transport = new HttpTransport({
    loadConnectors:
      async () =>
      ({ timeoutMs: timeout }, signal) =>
        createGuardedConnector(policy, { timeout, signal, ca }),
    now: Date.now,
    maxSockets: 1024,
  });
  onTestFinished(() => transport.close());
  return transport;
}

const tlsCases: readonly (Case & { readonly certificate?: string })[] = [
  { name: "has a certificate nobody vouches for", certificate: "self-signed", does: say(""), outcome: "tls" },
  { name: "answers in plain text", does: say(`${ok}Content-Length: 0\r\n\r\n`), outcome: "tls" },
  { name: "answers with a fatal alert", does: say(Buffer.from("15030300020228", "hex")), outcome: "tls" },
  { name: "never answers the handshake", does: () => undefined, outcome: "timeout" },
  { name: "resets within the handshake", does: (socket) => void socket.resetAndDestroy(), outcome: "reset" },
  { name: "closes within the handshake", does: (socket) => void socket.end(), outcome: "reset" },
];

describe("an https endpoint that", () => {
  it.each(tlsCases)("$name ends as $outcome, with one connection each time", async (given) => {
    const { certificate } = given;
    const server = await start(given.does, {
      times: 9,
      ...(certificate === undefined ? {} : { certificate }),
    });
    const send = await besideGood(`https://127.0.0.1:${server.port}/hook`);
    expect(await send()).toMatchObject([{ outcome: given.outcome }, { outcome: given.outcome }]);
    expect(server.connections).toBe(2);
  });

  it.each([
    ["good", "success"],
    ["expired", "tls"],
    ["not-yet-valid", "tls"],
    ["wrong-host", "tls"],
    ["self-signed", "tls"],
  ])("has the certificate %s of a trusted authority ends as %s", async (certificate, outcome) => {
    const server = await start(() => undefined, { certificate, times: 0 });
    const transport = transportTrusting("ca");
    const endpoint = resolveEndpoint({ url: `https://127.0.0.1:${server.port}/`, secret, timeout: 5 });
    const post = { endpoint, headers: ["Content-Type", "application/json"], body: Buffer.from("{}") };
    expect(await transport.post(post)).toMatchObject({ outcome });
    expect(server.connections).toBe(1);
    expect(server.served).toHaveLength(outcome === "success" ? 1 : 0);
  });
});

describe("an http endpoint behind which", () => {
  it("a TLS server listens ends as invalid_response or reset, without hanging", async () => {
    const server = await start(() => undefined, { certificate: "good", times: 0 });
    const send = await besideGood(`http://127.0.0.1:${server.port}/hook`);
    for (const { outcome } of await send()) expect(["invalid_response", "reset"]).toContain(outcome);
    expect(server.connections).toBe(2);
  });

  it("nobody listens ends as connect", async () => {
    const server = await start(() => undefined);
    await server.close();
    const send = await besideGood(`http://127.0.0.1:${server.port}/hook`);
    expect(await send()).toMatchObject([{ outcome: "connect" }, { outcome: "connect" }]);
  });

  it("nobody accepts any more ends as timeout", async () => {
    const port = await fullBacklog();
    const send = await besideGood(`http://127.0.0.1:${port}/hook`);
    expect(await send()).toMatchObject([{ outcome: "timeout" }, { outcome: "timeout" }]);
  });
});

/** A port whose owner sleeps, and whose queue of connections is full: the next one gets no answer at all. */
async function fullBacklog(): Promise<number> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const [port] = (await once(worker, "message")) as [number];
  const { connect } = await import("node:net");
  const queued: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of queued) socket.destroy();
    await worker.terminate();
  });
  for (;;) {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    queued.push(socket);
    const connected = once(socket, "connect").then(() => true);
    const unanswered = new Promise<false>((resolve) => setTimeout(resolve, 200, false));
    if (!(await Promise.race([connected, unanswered]))) return port;
  }
}

describe("an endpoint that echoes its request", () => {
  it("does not bring a credential into the record, not even the part before the cut", async () => {
    const endpoint = await testEndpoint((request, response) =>
      response.writeHead(500).end("-".repeat(2040) + request.headers.authorization),
    );
    const headers = { Authorization: "Bearer a-very-long-and-confidential-token" };
    const send = await besideGood(endpoint.url, { headers, retries: 0 });
    expect(await send()).toMatchObject([{ response: `${"-".repeat(2040)}[secret]` }]);
  });

  it("brings no part of one that the receiver took out, decoded or encoded", async () => {
    const endpoint = await testEndpoint((request, response) => {
      const { "x-quoted": quoted, "x-pin": pin, cookie, authorization = "" } = request.headers;
      const url = new URL(request.path, "http://localhost");
      const user = Buffer.from(authorization.slice(6), "base64").toString();
      const parts = { user, quoted, pin, cookie: cookie?.split("; ")[1]?.split("=")[1], path: request.path };
      const seen = [
        JSON.stringify(parts),
        url.searchParams.get("key"),
        url.pathname.split("/")[2],
        user.split(":"),
      ];
      response.writeHead(500).end(`${seen.join("\n")}\n\u0000to\u0000k7`);
    });
    const headers = {
      Authorization: `Basic ${Buffer.from("maria:s3cret").toString("base64")}`,
      "X-Quoted": 'say "k8jw"',
      "X-Pin": "9276",
      Cookie: "theme=dark; session=v5tq",
      "X-Token": "tok7",
    };
    const send = await besideGood(`${endpoint.url}/services/p4th/hook?key=a%2Fb%22c+d`, {
      headers,
      retries: 0,
    });
    const [attempt] = await send();
    for (const part of ["maria", "s3cret", "k8jw", "9276", "v5tq", "a/b", "a%2F", "p4th", "tok7"])
      expect(attempt?.response).not.toContain(part);
    expect(attempt?.response).toContain('{"user":"[secret]","quoted":"[secret]","pin":"[secret]"');
  });
});

describe("a redirect", () => {
  it.each([301, 302, 303, 307, 308])(
    "by %i is a failure, and where it leads sees nothing",
    async (status) => {
      let visits = 0;
      const canary = createServer((socket) => {
        visits += 1;
        socket.destroy();
      });
      const port = await listening(canary);
      const endpoint = await testEndpoint((_, response) =>
        response.writeHead(status, { Location: `http://127.0.0.1:${port}/steal` }).end("gone there"),
      );
      const send = await besideGood(endpoint.url);
      const expected = { outcome: "http_3xx", status, response: "gone there" };
      expect(await send()).toMatchObject([expected, expected]);
      expect(endpoint.requests).toHaveLength(2);
      expect(visits).toBe(0);
    },
  );

  it("to itself is asked once an attempt", async () => {
    const endpoint = await testEndpoint((_, response) =>
      response.writeHead(307, { Location: "/hook" }).end(),
    );
    const send = await besideGood(endpoint.url, { retries: 0 });
    expect(await send()).toMatchObject([{ outcome: "http_3xx", status: 307 }]);
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe("a connection kept alive", () => {
  it("and reset as it is used again ends as reset, and the retry has a new one", async () => {
    let requests = 0;
    const server = await start((socket) =>
      socket.on("data", () => {
        requests += 1;
        if (requests === 1) socket.write("HTTP/1.1 204 No Content\r\n\r\n");
        else socket.resetAndDestroy();
      }),
    );
    const send = await besideGood(`http://127.0.0.1:${server.port}/hook`);
    expect(await send()).toMatchObject([{ outcome: "success" }]);
    expect(await send()).toMatchObject([{ outcome: "reset" }, { outcome: "success" }]);
    expect(server.connections).toBe(2);
  });

  it("and closed by its server in between is not used again", async () => {
    const server = await start((socket) =>
      socket.on("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n")),
    );
    const send = await besideGood(`http://127.0.0.1:${server.port}/hook`);
    expect(await send()).toMatchObject([{ outcome: "success" }]);
    expect(await send()).toMatchObject([{ outcome: "success" }]);
    expect(server.served).toHaveLength(1);
  });

  it("and answered twice does not lend the second answer to the next delivery", async () => {
    const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const server = await start(afterRequest(say(answer + answer)));
    const send = await besideGood(`http://127.0.0.1:${server.port}/hook`);
    expect(await send()).toMatchObject([{ outcome: "success", status: 200 }]);
    expect(await send()).toMatchObject([{ outcome: "success", status: 204 }]);
    expect(server.served).toHaveLength(1);
    for (const request of server.served) await verify(request);
  });
});

describe("a receiver that does not read", () => {
  it("a body of a megabyte ends as timeout", async () => {
    const server = await start((socket) => void socket.pause(), { times: 9 });
    expect(await sendMegabyte(server)).toMatchObject({ outcome: "timeout" });
  });

  it("but answers in the midst of it has answered", async () => {
    const server = await start(say("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much"), {
      times: 9,
    });
    expect(await sendMegabyte(server)).toMatchObject({
      outcome: "http_4xx",
      status: 413,
      response: "too much",
    });
  });

  async function sendMegabyte(server: HostileServer): Promise<Attempt | undefined> {
    const url = `http://127.0.0.1:${server.port}/hook`;
    const manager = testManager({
      maxBodyBytes: 20_000_000,
      endpoints: [{ url, secret, timeout: timeoutMs / 1000, retries: 0 }],
    });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("error.occurred", { text: "x".repeat(16_000_000) });
    const [attempt] = (await finished(() => manager.get(deliveries[0] ?? ""))).attempts;
    expect(attempt?.durationMs).toBeLessThanOrEqual(timeoutMs + 1000);
    return attempt;
  }
});

describe("many hostile endpoints at once", () => {
  it("cost little memory, however much they send", async () => {
    const drop = Buffer.alloc(65_536, "x");
    const single = { secret, retries: 0, circuitBreaker: false } as const;
    const server = await start(pour(`${failed}\r\n`, drop), { times: 1000 });
    const manager = testManager({
      endpoints: [{ ...single, url: `http://127.0.0.1:${server.port}/`, concurrency: 50, timeout: 5 }],
    });
    await manager.start();
    global.gc?.();
    const before = process.memoryUsage.rss();
    const triggered = await Promise.all(
      Array.from({ length: 200 }, (_, n) => manager.triggerEvent("error.occurred", { n })),
    );
    for (const { deliveries } of triggered) {
      const { attempts } = await finished(() => manager.get(deliveries[0] ?? ""));
      expect(attempts).toMatchObject([{ outcome: "http_5xx", response: `${"x".repeat(2045)}…` }]);
    }
    // Warming up takes up to 70 MB of it, by the version of Node; the whole answers would take gigabytes.
    expect(process.memoryUsage.rss() - before).toBeLessThan(128_000_000);
    expect(server.connections).toBe(200);
  });

  it("are cut when the transport closes, and end as reset", async () => {
    const silent = await start((socket) => void socket.resume(), { times: 100 });
    const transport = transportTrusting("ca");
    const url = `http://127.0.0.1:${silent.port}/`;
    const endpoint = resolveEndpoint({ url, secret, timeout: 600 });
    const post = { endpoint, headers: ["Content-Type", "application/json"], body: Buffer.from("{}") };
    const posted = transport.post(post);
    await until(() => silent.open === 1);
    await transport.close();
    expect(await posted).toMatchObject({ outcome: "reset" });
  });

  it("do not hold up a close", async () => {
    const silent = await start((socket) => void socket.resume(), { times: 100 });
    const manager = testManager({
      endpoints: [
        { id: "silent", url: `http://127.0.0.1:${silent.port}/`, secret, timeout: 600 },
        { id: "handshake", url: `https://127.0.0.1:${silent.port}/`, secret, timeout: 600 },
      ],
    });
    await manager.start();
    await manager.triggerEvent("error.occurred");
    await until(() => silent.open === 2);
    await manager.close(50);
    await until(() => silent.open === 0);
    expect(silent.connections).toBe(2);
  });
});
