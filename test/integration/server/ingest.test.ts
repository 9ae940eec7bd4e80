/** Events that come in over HTTP: what is taken, stored once, and refused. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { promisify } from "node:util";
import { memoryOutbox, WebhookError } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, until } from "../../support/pipeline.ts";
import { RawClient } from "../../support/raw-client.ts";
import { ask, type Answer, jsonType, post, serve, token } from "../../support/server.ts";

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
    expect((await send("order-17")).json()).toEqual({ id: "order-17", duplicate: true });
    expect((await send('"order-17"')).json()).toEqual({ id: "order-17", duplicate: true });
    expect((await manager.find({})).deliveries).toHaveLength(1);
  });

  it("says nothing of a client that hangs up while it sends, and serves the next", async () => {
    const lines: string[] = [];
    const note = (_fields: object, message: string): void => void lines.push(message);
    const { url } = await serve({
      logger: { debug: () => undefined, info: () => undefined, warn: note, error: note },
    });
    for (const length of [100, undefined]) {
      const client = await RawClient.connect(Number(new URL(url).port));
      const chunked: Record<string, string> = length === undefined ? { "transfer-encoding": "chunked" } : {};
      client.sendHead("/api/events", { ...jsonType, ...chunked }, length);
      client.send(length === undefined ? "1\r\n{\r\n" : "{");
      // It is read once a later request on another connection is answered.
      await ask(`${url}/healthz`);
      client.socket.resetAndDestroy();
      await once(client.socket, "close");
      await ask(`${url}/healthz`);
      await ask(`${url}/healthz`);
    }
    expect(lines).toEqual([]);
  });

  it.each([
    ["event type", { event_type: "x".repeat(2_000_000) }],
    ["pattern of one", { event_type: `${"a.".repeat(1_000_000)}*` }],
    ["field", { event_type: "cache.updated", ["y".repeat(2_000_000)]: 1 }],
  ])("neither compares nor echoes the whole of an endless %s", async (_, body) => {
    const { url } = await serve({ maxBodyBytes: 1_000_000 });
    const answer = await post(`${url}/api/events`, body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.json().error.message.length).toBeLessThan(1000);
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
      maxBodyBytes: 1024,
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
      { method: "POST", headers: jsonType },
      Buffer.from('{"event_type":"cache.updated","data":"\xff"}', "latin1"),
    );
    expect(answer.status).toBe(400);
  });

  it("stops reading an endless body at its limit", async () => {
    const { url } = await serve({ maxBodyBytes: 1024 });
    const outgoing = httpRequest(`${url}/api/events`, { method: "POST", headers: jsonType, agent: false });
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
    const script = new URL("../../fixtures/publish.py", import.meta.url).pathname;
    const env = { ...process.env, MOVA_WEBHOOK_SERVER: url, MOVA_WEBHOOK_TOKEN: token };
    const { stdout } = await promisify(execFile)("python3", [script], { env });
    expect(await manager.explain(stdout.trim())).toMatchObject({ eventType: "cache.updated" });
    const [request] = await endpoint.received(1);
    expect(JSON.parse(request?.body.toString() ?? "")).toMatchObject({
      data: { key: "user_data_123", size: 512 },
    });
  });
});
