import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { Agent, type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { connect } from "node:net";
import { promisify } from "node:util";
import { memoryOutbox, WebhookError, type WebhookManager, type WebhookManagerOptions } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import type { ListeningServer, ListenOptions } from "../../src/server/server.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

const token = "correct-horse-battery-staple";
const json = { "content-type": "application/json" };

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a server answers is looked at by the assertions
  readonly json: () => any;
}

/** One request with exactly these headers: `fetch` would set or refuse `Host` and `Origin` itself. */
async function ask(url: string, options: RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  const outgoing = httpRequest(url, { agent: false, ...options });
  // A server that has heard enough answers and hangs up.
  outgoing.once("response", () => outgoing.on("error", () => undefined));
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) };
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return ask(url, { method: "POST", headers: { ...json, ...headers } }, text);
}

interface Running {
  readonly manager: WebhookManager;
  readonly server: ListeningServer;
  readonly url: string;
}

async function serve(options: WebhookManagerOptions = {}, listen: ListenOptions = {}): Promise<Running> {
  const manager = testManager(options);
  await manager.start();
  const server = await manager.listen({ port: 0, ...listen });
  return { manager, server, url: server.url };
}

/** A manager whose one delivery to `broken` is dead. */
async function serveDead(): Promise<Running & { readonly id: string; readonly eventId: string }> {
  const endpoint = await testEndpoint((_, response) => response.writeHead(422).end("unknown field"));
  const endpoints = [
    { id: "broken", url: `${endpoint.url}?key=hidden-in-url`, secret, headers: { "x-key": "hidden-header" } },
  ];
  const running = await serve({ endpoints });
  const { id: eventId, deliveries } = await running.manager.triggerEvent("cache.updated", {});
  const id = deliveries[0] ?? "";
  await until(async () => (await running.manager.get(id))?.state === "dead");
  return { ...running, id, eventId };
}

describe("publishing over HTTP", () => {
  it("answers 202 with the event's id after it is stored, and delivers it", async () => {
    const endpoint = await testEndpoint();
    const { url, manager } = await serve({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    const answer = await post(`${url}/api/events`, { event_type: "cache.updated", data: { key: "ключ" } });
    expect(answer.status).toBe(202);
    const { id } = answer.json();
    expect(await manager.explain(id)).toMatchObject({ eventType: "cache.updated", source: "api" });
    const [request] = await endpoint.received(1);
    expect(request?.headers["webhook-id"]).toBe(id);
    expect(JSON.parse(request?.body.toString() ?? "")).toMatchObject({ data: { key: "ключ" } });
  });

  it("stores an event with an Idempotency-Key once, however often it is sent", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }],
    });
    const send = (key: string): Promise<Answer> =>
      post(`${url}/api/events`, { event_type: "cache.updated" }, { "idempotency-key": key });
    expect((await send("order-17")).json()).toEqual({ id: "order-17" });
    expect((await send("order-17")).json()).toEqual({ id: "order-17" });
    expect((await send('"order-17"')).json()).toEqual({ id: "order-17" });
    expect((await manager.find({})).deliveries).toHaveLength(1);
  });

  it.each([
    ["no JSON", "{", {}, 400, "REQUEST_INVALID"],
    ["no event type", { data: {} }, {}, 400, "REQUEST_INVALID"],
    ["an event type that is no text", { event_type: 7 }, {}, 400, "REQUEST_INVALID"],
    ["a misspelt field", { event_type: "cache.updated", date: {} }, {}, 400, "REQUEST_INVALID"],
    ["a list", [], {}, 400, "REQUEST_INVALID"],
    [
      "an impossible key",
      { event_type: "cache.updated" },
      { "idempotency-key": "a b" },
      400,
      "EVENT_ID_INVALID",
    ],
    ["an empty key", { event_type: "cache.updated" }, { "idempotency-key": "" }, 400, "EVENT_ID_INVALID"],
    ["a form", "event_type=x", { "content-type": "application/x-www-form-urlencoded" }, 415, "BODY_ENCODED"],
    ["plain text", "{}", { "content-type": "text/plain" }, 415, "BODY_ENCODED"],
    ["a compressed body", "{}", { "content-encoding": "gzip" }, 415, "BODY_ENCODED"],
    [
      "a body over the limit",
      { event_type: "cache.updated", data: "x".repeat(2000) },
      {},
      413,
      "DATA_TOO_LARGE",
    ],
    [
      "a body far over the limit",
      { event_type: "cache.updated", data: "x".repeat(5_000_000) },
      {},
      413,
      "DATA_TOO_LARGE",
    ],
  ])("refuses %s", async (_, body, headers, status, code) => {
    const { url, manager } = await serve({
      maxBodyBytes: 1000,
      endpoints: [{ url: (await testEndpoint()).url, secret }],
    });
    const answer = await post(`${url}/api/events`, body, headers);
    expect([answer.status, answer.json().error.code]).toEqual([status, code]);
    expect((await manager.find({})).deliveries).toEqual([]);
  });

  it("refuses bytes that are no UTF-8", async () => {
    const { url } = await serve();
    const answer = await ask(
      `${url}/api/events`,
      { method: "POST", headers: json },
      Buffer.from('{"event_type":"cache.updated","data":"\xff"}', "latin1"),
    );
    expect(answer.status).toBe(400);
  });

  it("stops reading an endless body at its limit", async () => {
    const { url } = await serve({ maxBodyBytes: 1000 });
    const outgoing = httpRequest(`${url}/api/events`, { method: "POST", headers: json, agent: false });
    outgoing.on("error", () => undefined);
    const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
    let stopped = false;
    let written = 0;
    void answered.then(() => (stopped = true));
    await until(() => {
      if (!stopped && outgoing.writableLength < 1_000_000) {
        outgoing.write(Buffer.alloc(16_384, 0x20));
        written += 16_384;
      }
      return stopped;
    });
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    expect(written).toBeLessThan(10_000_000);
    outgoing.destroy();
  });

  it("names the nearest known types for one that nobody declares", async () => {
    const { url } = await serve({ eventTypes: ["order.*"] });
    const answer = await post(`${url}/api/events`, { event_type: "cache.updatd" });
    expect([answer.status, answer.json().error.code]).toEqual([422, "EVENT_TYPE_UNKNOWN"]);
    expect(answer.json().error.message).toContain("cache.updated");
    expect((await post(`${url}/api/events`, { event_type: "order.paid" })).status).toBe(202);
  });

  it("says when to come again where the outbox is full or away", async () => {
    const down = await testEndpoint(500);
    const outbox = memoryOutbox({ maxDeliveries: 1 });
    const { url } = await serve({ outbox, endpoints: [{ url: down.url, secret, retrySchedule: [60] }] });
    const event = { event_type: "cache.updated" };
    expect((await post(`${url}/api/events`, event)).status).toBe(202);
    const full = await post(`${url}/api/events`, event);
    expect([full.status, full.json().error.code]).toEqual([429, "OUTBOX_FULL"]);
    expect(Number(full.headers["retry-after"])).toBeGreaterThan(0);
    outbox.put = () => Promise.reject(new WebhookError("OUTBOX_UNAVAILABLE", "The disk is gone"));
    const away = await post(`${url}/api/events`, event);
    expect([away.status, away.json().error.code]).toEqual([503, "OUTBOX_UNAVAILABLE"]);
    expect(Number(away.headers["retry-after"])).toBeGreaterThan(0);
  });

  it("never accepts what it will not store", async () => {
    const { url, manager } = await serve();
    manager.setEnabled(false);
    const answer = await post(`${url}/api/events`, { event_type: "cache.updated" });
    expect([answer.status, answer.json().error.code]).toEqual([503, "DISABLED"]);
  });

  const python = spawnSync("python3", ["--version"]).status === 0;
  it.skipIf(!python)("takes an event from Python's standard library (skipped without python3)", async () => {
    const endpoint = await testEndpoint();
    const { url, manager } = await serve({ endpoints: [{ url: endpoint.url, secret }] }, { token });
    const script = new URL("../fixtures/publish.py", import.meta.url).pathname;
    const env = { ...process.env, MOVA_WEBHOOK_SERVER: url, MOVA_WEBHOOK_TOKEN: token };
    const { stdout } = await promisify(execFile)("python3", [script], { env });
    expect(await manager.explain(stdout.trim())).toMatchObject({ eventType: "cache.updated" });
    const [request] = await endpoint.received(1);
    expect(JSON.parse(request?.body.toString() ?? "")).toMatchObject({
      data: { key: "user_data_123", size: 512 },
    });
  });
});

describe("the records over HTTP", () => {
  it("lists deliveries by what the query names, page by page", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }],
    });
    const { id } = await manager.triggerEvent("cache.updated", {});
    await manager.triggerEvent("cache.cleared", {});
    const list = async (query: string): Promise<{ deliveries: { eventType: string }[]; cursor?: string }> =>
      (await ask(`${url}/api/deliveries${query}`)).json();
    const typesOf = async (query: string): Promise<string[]> =>
      (await list(query)).deliveries.map((each) => each.eventType);
    expect(await typesOf("")).toEqual(["cache.cleared", "cache.updated"]);
    expect(await typesOf(`?event_id=${id}`)).toEqual(["cache.updated"]);
    expect(await typesOf("?type=cache.cleared&endpoint=ops")).toEqual(["cache.cleared"]);
    expect(await typesOf("?endpoint=other")).toEqual([]);
    expect(await typesOf("?state=dead")).toEqual([]);
    expect(await typesOf("?until=2020-01-01T00:00:00Z")).toEqual([]);
    expect(await typesOf("?since=2020-01-01T00:00:00%2B02:00")).toHaveLength(2);
    expect(await typesOf("?since=1577836800000")).toHaveLength(2);
    const first = await list("?limit=1");
    expect(first.deliveries.map((each) => each.eventType)).toEqual(["cache.cleared"]);
    expect(await typesOf(`?limit=1&cursor=${encodeURIComponent(first.cursor ?? "")}`)).toEqual([
      "cache.updated",
    ]);
  });

  it.each([
    "?state=gone",
    "?limit=0",
    "?limit=x",
    "?since=yesterday",
    "?colour=red",
    "?type=a&type=b",
    "?endpoint=",
    "?cursor=zzz",
  ])("refuses the query %s", async (query) => {
    const { url } = await serve();
    const answer = await ask(`${url}/api/deliveries${query}`);
    expect([answer.status, answer.json().error.code]).toEqual([400, "REQUEST_INVALID"]);
  });

  it.each([
    ["GET", "/api/deliveries?limit=x", "at `limit`: expected a whole number from 1 to 1000"],
    ["GET", "/api/deliveries?state=gone", "at `state`: expected pending, delivering, delivered or dead"],
    ["GET", "/api/deliveries?endpont=a", "unknown key `endpont`; did you mean `endpoint`?"],
    [
      "GET",
      "/api/deliveries?cursor=zzz",
      "`cursor` is not one that a page of this outbox gave: take it from",
    ],
    ["POST", "/api/replay", "at `limit`: expected a whole number from 1 to 10000", { limit: "5" }],
    ["POST", "/api/replay", "at `dry_run`: expected true or false", { dry_run: "yes" }],
    ["POST", "/api/replay", "at `delivery_ids`: expected a list of at most 10000", { delivery_ids: "a" }],
    ["POST", "/api/events", "at `event_type`: expected a text such as cache.updated", {}],
    ["POST", "/api/events", "The body is wrong: expected a JSON object", []],
  ])("says of a wrong %s %s: %s", async (method, path, expected, body?: object) => {
    const { url } = await serve();
    const answer = await (method === "GET" ? ask(`${url}${path}`) : post(`${url}${path}`, body));
    expect(answer.status).toBe(400);
    expect(answer.json().error.message).toContain(expected);
  });

  it("names the header that cannot be an event's id", async () => {
    const { url } = await serve();
    const key = { "idempotency-key": "a b" };
    const answer = await post(`${url}/api/events`, { event_type: "cache.updated" }, key);
    expect(answer.json().error.message).toBe(
      "The `Idempotency-Key` cannot be the event's id. Use 1 to 64 letters, digits, `-` or `_`.",
    );
  });

  it("shows one delivery with its attempts, and what became of its event", async () => {
    const { url, id, eventId } = await serveDead();
    expect((await ask(`${url}/api/deliveries/${id}`)).json()).toMatchObject({
      id,
      eventId,
      state: "dead",
      attempts: [{ number: 1, outcome: "http_4xx", status: 422, response: "unknown field" }],
    });
    expect((await ask(`${url}/api/events/${eventId}`)).json()).toMatchObject({
      eventId,
      endpoints: [{ endpointId: "broken", verdict: "dead", deliveryId: id }],
    });
    const unknown = await ask(`${url}/api/deliveries/dlv_none`);
    expect([unknown.status, unknown.json().error.code]).toEqual([404, "DELIVERY_UNKNOWN"]);
    expect((await ask(`${url}/api/events/none`)).json().error.code).toBe("EVENT_UNKNOWN");
  });

  it("replays one finished delivery, and says so of one that is not finished", async () => {
    const endpoint = await testEndpoint(422);
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [60] }],
    });
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    const id = deliveries[0] ?? "";
    await until(async () => (await manager.get(id))?.state === "dead");
    endpoint.answerWith(503);
    expect((await post(`${url}/api/deliveries/${id}/replay`, "")).json()).toEqual({ replayed: [id] });
    await until(async () => (await manager.get(id))?.attempts.length === 2);
    const again = await post(`${url}/api/deliveries/${id}/replay`, {});
    expect([again.status, again.json().error.code]).toEqual([409, "REQUEST_INVALID"]);
    expect((await post(`${url}/api/deliveries/none/replay`, {})).status).toBe(404);
  });

  it("replays a selection, and only tells which with dry_run", async () => {
    const { url, id, manager } = await serveDead();
    const select = (body: object): Promise<Answer> => post(`${url}/api/replay`, body);
    expect((await select({})).status).toBe(400);
    expect((await select({ dry_run: true })).status).toBe(400);
    expect((await select({ state: "pending" })).status).toBe(400);
    expect((await select({ endpoint: "broken", dry_run: true })).json()).toEqual({
      replayed: [id],
      dry_run: true,
    });
    expect((await manager.get(id))?.replays).toBe(0);
    expect((await select({ endpoint: "other" })).json()).toEqual({ replayed: [], dry_run: false });
    expect((await select({ all: true })).json()).toEqual({ replayed: [id], dry_run: false });
    expect((await manager.get(id))?.replays).toBe(1);
    await until(async () => (await manager.get(id))?.state === "dead");
    expect((await select({ delivery_ids: [id] })).json().replayed).toEqual([id]);
  });
});

describe("endpoints over HTTP", () => {
  it("shows health, lane and backlog, and of the URL only its origin", async () => {
    const { url, manager } = await serveDead();
    const answer = await ask(`${url}/api/endpoints`);
    expect(answer.json().endpoints).toMatchObject([
      {
        id: "broken",
        origin: new URL(manager.getEndpoints()[0]?.url ?? "").origin,
        health: "failing",
        enabled: true,
        circuit: "closed",
        inFlight: 0,
        concurrency: 16,
        pending: 0,
        dead: 1,
        lastAttempt: { outcome: "http_4xx", status: 422 },
      },
    ]);
  });

  it("tells an open circuit from one that fails, and when it is tried again", async () => {
    const endpoint = await testEndpoint(500);
    const { url, manager } = await serve({
      endpoints: [
        {
          id: "ops",
          url: endpoint.url,
          secret,
          retrySchedule: [60],
          circuitBreaker: { failures: 1, wait: 60 },
        },
      ],
    });
    const read = async (): Promise<{ health: string; circuitUntil?: number; failingSince?: number }> =>
      (await ask(`${url}/api/endpoints`)).json().endpoints[0];
    expect(await read()).toMatchObject({ health: "ok" });
    await manager.triggerEvent("cache.updated", {});
    await until(async () => (await read()).health === "circuit_open");
    const { circuitUntil = 0, failingSince = 0 } = await read();
    expect(circuitUntil).toBeGreaterThan(failingSince);
  });

  it("names dead letters of the process before", async () => {
    const outbox = memoryOutbox();
    const event = { id: "evt_1", type: "cache.updated", source: "api", createdAt: 0, origin: "another" };
    const deliveries = [{ id: "dlv_1", endpointId: "ops", dueAt: 0 }];
    await outbox.put([{ event: { ...event, body: Buffer.from("{}"), decisions: [] }, deliveries }]);
    await outbox.bury("ops", "http_4xx");
    const endpoint = await testEndpoint();
    const { url } = await serve({ outbox, endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    const { endpoints } = (await ask(`${url}/api/endpoints`)).json();
    expect(endpoints).toMatchObject([{ id: "ops", health: "dead_letters", dead: 1 }]);
  });

  it("switches an endpoint with an odd id, and not by its URL", async () => {
    const id = 'odd "id" / %2F ünï?#';
    const { url, manager } = await serve({ endpoints: [{ id, url: (await testEndpoint()).url, secret }] });
    const path = `${url}/api/endpoints/${encodeURIComponent(id)}`;
    expect((await post(`${path}/disable`, {})).json()).toEqual({ id, enabled: false });
    expect((await ask(`${url}/api/endpoints`)).json().endpoints[0]).toMatchObject({
      health: "disabled",
      reason: "by hand",
    });
    expect((await post(`${path}/enable`, {})).json()).toEqual({ id, enabled: true });
    expect((await ask(`${url}/api/endpoints`)).json().endpoints[0]).toMatchObject({ health: "ok" });
    const byUrl = encodeURIComponent(manager.getEndpoints()[0]?.url ?? "");
    const answer = await post(`${url}/api/endpoints/${byUrl}/disable`, {});
    expect([answer.status, answer.json().error.code]).toEqual([404, "ENDPOINT_UNKNOWN"]);
  });

  it("takes a POST that needs no body without one, and without a content type", async () => {
    const { url, id, manager } = await serveDead();
    const send = (path: string): Promise<Answer> => ask(`${url}/api/${path}`, { method: "POST" });
    expect((await send("endpoints/broken/disable")).json()).toEqual({ id: "broken", enabled: false });
    expect((await send("endpoints/broken/enable")).json()).toEqual({ id: "broken", enabled: true });
    expect((await send(`deliveries/${id}/replay`)).json()).toEqual({ replayed: [id] });
    expect((await manager.get(id))?.replays).toBe(1);
    expect((await send("replay")).status).toBe(400);
    expect((await send("events")).status).toBe(400);
  });

  it("delivers what an endpoint missed when it is enabled with replay", async () => {
    const { url, id, manager } = await serveDead();
    const enable = (body: object): Promise<Answer> => post(`${url}/api/endpoints/broken/enable`, body);
    manager.setEndpointEnabled("broken", false);
    expect((await enable({ replay: true })).json()).toEqual({ id: "broken", enabled: true, replayed: [id] });
    expect((await manager.get(id))?.replays).toBe(1);
    await until(async () => (await manager.get(id))?.state === "dead");
    // It is on already, and still fails.
    expect((await enable({ replay: true })).json()).toMatchObject({ replayed: [id] });
    expect((await enable({})).json()).toEqual({ id: "broken", enabled: true });
    expect((await enable({ replay: "yes" })).status).toBe(400);
    expect((await post(`${url}/api/endpoints/none/enable`, { replay: true })).status).toBe(404);
  });

  it("never shows a secret, a header value or more of a URL than its origin", async () => {
    const { url, id, eventId } = await serveDead();
    const paths = [
      "/api/endpoints",
      "/api/deliveries",
      `/api/deliveries/${id}`,
      `/api/events/${eventId}`,
      "/api/activity",
      "/metrics",
      "/readyz",
      "/",
    ];
    for (const path of paths) {
      const { status, text } = await ask(`${url}${path}`);
      expect(status).toBe(200);
      for (const hidden of [secret, "hidden-header", "hidden-in-url", "/hook"])
        expect(text).not.toContain(hidden);
    }
  });

  it("tells the attempts of the last minutes by second and outcome", async () => {
    const { url } = await serveDead();
    const { revision, seconds, now } = (await ask(`${url}/api/activity`)).json();
    expect(revision).toBeGreaterThan(0);
    expect(seconds).toEqual([{ at: expect.any(Number), outcomes: { http_4xx: 1 } }]);
    expect((await ask(`${url}/api/activity?since=${Math.floor(now / 1000) + 1}`)).json().seconds).toEqual([]);
  });
});

describe("health", () => {
  it("is ready only while it is started, open, and its outbox answers", async () => {
    const outbox = memoryOutbox();
    const manager = testManager({ outbox });
    const { url } = await manager.listen({ port: 0 });
    expect((await ask(`${url}/readyz`)).status).toBe(503);
    expect((await ask(`${url}/healthz`)).text).toBe("ok\n");
    await manager.start();
    expect((await ask(`${url}/readyz`)).text).toBe("ready\n");
    const ping = outbox.ping.bind(outbox);
    outbox.ping = () => Promise.reject(new WebhookError("OUTBOX_UNAVAILABLE", "The disk is gone"));
    const away = await ask(`${url}/readyz`);
    expect([away.status, away.json().error.code]).toEqual([503, "OUTBOX_UNAVAILABLE"]);
    outbox.ping = () => new Promise(() => undefined);
    expect((await ask(`${url}/readyz`)).status).toBe(503);
    outbox.ping = ping;
    expect((await ask(`${url}/readyz`)).status).toBe(200);
  });

  it("tells what is wrong with the store to the log and to who has the token, and to nobody else", async () => {
    const lines: object[] = [];
    const log = (fields: object): void => void lines.push(fields);
    const outbox = memoryOutbox();
    const logger = { debug: log, info: log, warn: log, error: log };
    const { url } = await serve({ outbox, logger }, { token });
    outbox.ping = () => Promise.reject(new WebhookError("OUTBOX_UNAVAILABLE", "db7.internal:6379 is gone"));
    const anybody = await ask(`${url}/readyz`);
    expect([anybody.status, anybody.json().error.code]).toEqual([503, "OUTBOX_UNAVAILABLE"]);
    expect(anybody.text).not.toContain("db7.internal");
    const stranger = await ask(`${url}/readyz`, { headers: { authorization: "Bearer another-token-of-16" } });
    expect(stranger.text).not.toContain("db7.internal");
    const operator = await ask(`${url}/readyz`, { headers: { authorization: `Bearer ${token}` } });
    expect(operator.json().error.message).toContain("db7.internal");
    const told = lines.filter((fields) => JSON.stringify(fields).includes("db7.internal"));
    expect(told).toHaveLength(1);
    expect(anybody.json().error.message).toContain("to who sends the server's token");
  });

  it("names the log alone where there is no token", async () => {
    const outbox = memoryOutbox();
    const { url } = await serve({ outbox });
    outbox.ping = () => Promise.reject(new WebhookError("OUTBOX_UNAVAILABLE", "db7.internal:6379 is gone"));
    const { message } = (await ask(`${url}/readyz`)).json().error;
    expect(message).toMatch(/The log says why\.$/);
  });

  it("logs what nobody foresaw once for each change too, and tells nobody else", async () => {
    const lines: string[] = [];
    const log = (_: object, message: string): void => void lines.push(message);
    const outbox = memoryOutbox();
    const ping = outbox.ping.bind(outbox);
    const { url } = await serve(
      { outbox, logger: { debug() {}, info: log, warn: log, error: log } },
      { token },
    );
    const before = lines.length;
    outbox.ping = () => Promise.reject(new TypeError("db7.internal is no function"));
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      const { status, text } = await ask(`${url}/readyz`, { headers });
      expect(status).toBe(503);
      expect(text).toContain("The log says why.");
      expect(text).not.toContain("db7.internal");
    }
    outbox.ping = ping;
    await ask(`${url}/readyz`);
    expect(lines.slice(before)).toEqual(["not ready", "ready again"]);
  });

  it("answers scrapes while it closes, says that it is not ready, takes nothing more, and ends with its manager", async () => {
    const held: (() => void)[] = [];
    const endpoint = await testEndpoint((_, response) => held.push(() => response.writeHead(204).end()));
    const { url, manager } = await serve({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.triggerEvent("cache.updated", {});
    await endpoint.received(1);
    const closed = manager.close(5000);
    const scrape = await ask(`${url}/metrics`);
    expect(scrape.status).toBe(200);
    expect(scrape.text).toContain('mova_webhook_in_flight{endpoint="ops"} 1');
    expect((await ask(`${url}/healthz`)).status).toBe(200);
    expect((await ask(`${url}/readyz`)).json().error.code).toBe("CLOSED");
    const late = await post(`${url}/api/events`, { event_type: "cache.updated" });
    expect([late.status, late.json().error.code]).toEqual([503, "CLOSED"]);
    for (const end of held) end();
    await closed;
    await expect(ask(`${url}/healthz`)).rejects.toThrow("ECONNREFUSED");
  });
});

describe("metrics", () => {
  it("come in the format the scraper asks for", async () => {
    const { url } = await serveDead();
    const open = await ask(`${url}/metrics`, { headers: { accept: "application/openmetrics-text" } });
    expect(open.headers["content-type"]).toContain("application/openmetrics-text");
    expect(open.text).toMatch(/# EOF\n$/);
    const plain = await ask(`${url}/metrics`);
    expect(plain.headers["content-type"]).toContain("text/plain; version=0.0.4");
    expect(plain.text).toContain("# TYPE mova_webhook_attempts_total counter");
  });
});

describe("who may ask", () => {
  it("does not listen beyond loopback without a token", async () => {
    const manager = testManager();
    for (const host of ["0.0.0.0", "::"]) {
      await expect(manager.listen({ host, port: 0 })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("server.token"),
      });
    }
    for (const weak of ["", "short", "with spaces in between", "ключ-ключ-ключ-ключ"]) {
      await expect(manager.listen({ host: "0.0.0.0", port: 0, token: weak })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
    }
    for (const host of ["", "no such host"]) {
      await expect(manager.listen({ host, port: 0 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
  });

  it("listens on every address with a token, and wants it for all but health and the page", async () => {
    const { server } = await serve({}, { host: "0.0.0.0", token });
    const url = server.url.replace("0.0.0.0", "127.0.0.1");
    for (const path of ["/healthz", "/readyz", "/", "/assets/main.js"]) {
      expect((await ask(`${url}${path}`)).status).toBe(200);
    }
    for (const path of ["/metrics", "/api/endpoints", "/api/deliveries", "/api/activity", "/nowhere"]) {
      const answer = await ask(`${url}${path}`);
      expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
      expect(answer.json().error.code).toBe("TOKEN_INVALID");
    }
    const wrong = [
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
      token,
      "Bearer",
      "Bearer ",
    ];
    for (const authorization of wrong) {
      expect((await ask(`${url}/metrics`, { headers: { authorization } })).status).toBe(401);
    }
    const headers = { authorization: `Bearer ${token}`, host: "webhooks.example.com" };
    expect((await ask(`${url}/metrics`, { headers })).status).toBe(200);
    expect((await post(`${url}/api/events`, { event_type: "cache.updated" })).status).toBe(401);
    expect((await post(`${url}/api/events`, { event_type: "cache.updated" }, headers)).status).toBe(202);
  });

  it.each([
    "evil.example",
    "evil.example:9464",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "0.0.0.0",
    "192.168.0.7",
    "2130706433",
    "[::ffff:8.8.8.8]",
  ])("refuses the foreign Host %s without a token", async (host) => {
    const { url } = await serve();
    for (const path of ["/", "/metrics", "/api/endpoints"]) {
      const answer = await ask(`${url}${path}`, { headers: { host } });
      expect([answer.status, path, answer.json().error.code]).toEqual([403, path, "REQUEST_REFUSED"]);
    }
    const answer = await post(`${url}/api/events`, { event_type: "cache.updated" }, { host });
    expect(answer.status).toBe(403);
  });

  it.each(["localhost:80:80", "user@localhost", "[::1", "local host"])(
    "refuses the malformed Host %s",
    async (host) => {
      const { url } = await serve();
      expect((await ask(`${url}/api/endpoints`, { headers: { host } })).status).toBeOneOf([400, 403]);
    },
  );

  it.each(["localhost", "LOCALHOST:1234", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:9464"])(
    "answers the loopback Host %s",
    async (host) => {
      const { url } = await serve();
      expect((await ask(`${url}/api/endpoints`, { headers: { host } })).status).toBe(200);
    },
  );

  it("refuses the Origin of another page, and takes its own", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }],
    });
    const { host } = new URL(url);
    for (const origin of [
      "https://evil.example",
      "null",
      "http://localhost:3000",
      `https://${host}`,
      `http://${host}.evil.example`,
    ]) {
      const answer = await post(`${url}/api/endpoints/ops/disable`, {}, { origin });
      expect([answer.status, answer.json().error.code]).toEqual([403, "REQUEST_REFUSED"]);
      expect((await ask(`${url}/api/endpoints`, { headers: { origin } })).status).toBe(403);
    }
    expect(manager.getEndpoints()[0]?.enabled).toBe(true);
    expect((await post(`${url}/api/endpoints/ops/disable`, {}, { origin: `http://${host}` })).status).toBe(
      200,
    );
  });

  it("is not driven by a form, which any page may send", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }],
    });
    for (const type of [
      "text/plain",
      "multipart/form-data; boundary=x",
      "application/x-www-form-urlencoded",
    ]) {
      const answer = await post(`${url}/api/endpoints/ops/disable`, "{}", { "content-type": type });
      expect(answer.status).toBe(415);
    }
    const empty = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } };
    expect((await ask(`${url}/api/endpoints/ops/disable`, empty)).status).toBe(415);
    const untyped = await ask(`${url}/api/endpoints/ops/disable`, { method: "POST" }, "{}");
    expect(untyped.status).toBe(415);
    const foreign = { method: "POST", headers: { origin: "https://evil.example" } };
    expect((await ask(`${url}/api/endpoints/ops/disable`, foreign)).status).toBe(403);
    expect(manager.getEndpoints()[0]?.enabled).toBe(true);
  });

  it("refuses a request without a Host", async () => {
    const { url } = await serve();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("GET /api/endpoints HTTP/1.0\r\n\r\n");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1\.\d 40[03]/);
    socket.destroy();
  });

  it("lets nothing run in the page but its own files, and nobody frame it", async () => {
    const { url } = await serve();
    const page = await ask(url);
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(page.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    const files = [...page.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
    expect(files.length).toBeGreaterThan(3);
    for (const path of files) expect((await ask(`${url}${path}`)).status).toBe(200);
    expect((await ask(`${url}/assets/../server.ts`)).status).toBe(404);
    expect((await ask(`${url}/assets/..%2fconsole.ts`)).status).toBe(404);
  });

  it("answers what there is not with JSON", async () => {
    const { url } = await serve();
    for (const [method, path] of [
      ["GET", "/api/nothing"],
      ["DELETE", "/api/endpoints"],
      ["PUT", "/api/events"],
    ]) {
      const answer = await ask(`${url}${path}`, { method });
      expect([answer.status, answer.json().error.code]).toEqual([404, "REQUEST_INVALID"]);
    }
  });

  it("logs what nobody foresaw, and answers without its words", async () => {
    const lines: string[] = [];
    const log = (_: object, message: string): void => void lines.push(message);
    const outbox = memoryOutbox();
    outbox.find = () => Promise.reject(new Error("at /secret/path"));
    const { url } = await serve({ outbox, logger: { debug: log, info: log, warn: log, error: log } });
    const answer = await ask(`${url}/api/deliveries`);
    expect([answer.status, answer.json().error.code]).toEqual([500, "UNEXPECTED"]);
    expect(answer.text).not.toContain("/secret/path");
    expect(lines).toContain("request failed");
  });
});

describe("listening and closing", () => {
  it("serves two managers side by side, and says when a port is taken", async () => {
    const [one, two] = [
      await serve(),
      await serve({ endpoints: [{ id: "ops", url: (await testEndpoint()).url, secret }] }),
    ];
    expect((await ask(`${one.url}/api/endpoints`)).json().endpoints).toHaveLength(0);
    expect((await ask(`${two.url}/api/endpoints`)).json().endpoints).toHaveLength(1);
    const port = Number(new URL(one.url).port);
    await expect(two.manager.listen({ port })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/in use\. Choose another port, or stop what listens there/),
    });
  });

  it("cuts off a client whose body never ends when the manager's time to close is up", async () => {
    const { url, manager } = await serve();
    const hanging = httpRequest(`${url}/api/events`, { method: "POST", headers: json, agent: false });
    hanging.on("error", () => undefined);
    hanging.write("{");
    // It is in flight once a later request on another connection is answered.
    await ask(`${url}/healthz`);
    let closed = false;
    const closing = manager.close(50).then(() => (closed = true));
    // Well before a server that is given no time cuts connections off.
    await until(() => closed, 3000);
    expect(await closing).toBe(true);
  });

  it("ends what is in flight and keeps no idle connection waiting when it closes", async () => {
    const answers: (() => void)[] = [];
    const outbox = memoryOutbox();
    const find = outbox.find.bind(outbox);
    outbox.find = (query) => new Promise((resolve) => answers.push(() => resolve(find(query))));
    const { url, server } = await serve({ outbox });
    const agent = new Agent({ keepAlive: true });
    await ask(`${url}/healthz`, { agent });
    const pending = ask(`${url}/api/deliveries`, { agent });
    await until(() => answers.length === 1);
    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await expect(ask(`${url}/healthz`)).rejects.toThrow("ECONNREFUSED");
    expect(closed).toBe(false);
    answers[0]?.();
    expect((await pending).status).toBe(200);
    // Well before the time is up after which connections are cut.
    await until(() => closed, 2000);
    await closing;
    await server.close();
    agent.destroy();
  });
});
