/** Endpoints that get several events in one POST, and endpoints that get another shape. */
import type { ServerResponse } from "node:http";
import { memoryOutbox, WebhookReceiver } from "mova-webhooks";
import type { ReceivedRequest } from "mova-webhooks/testing";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect, it } from "vitest";
import { cloudEventsBinary, slack } from "../../src/transforms/index.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

/** In order of size: events that are triggered together may be stored in another order. */
const numbersIn = ({ body }: ReceivedRequest): number[] =>
  (JSON.parse(body.toString()) as { data: { n: number } }[])
    .map(({ data }) => data.n)
    .toSorted((one, other) => one - other);

const stringHeaders = ({ headers }: ReceivedRequest): Record<string, string> =>
  headers as Record<string, string>;

describe("an endpoint with batches", () => {
  const batch = { maxEvents: 10, maxWaitSeconds: 60 };

  it("gets a JSON array under one signature as soon as there are enough events", async () => {
    const server = await testEndpoint();
    const manager = testManager({ endpoints: [{ id: "ops", url: server.url, secret, batch }] });
    await manager.start();
    for (let n = 0; n < 10; n += 1) await manager.triggerEvent("cache.updated", { n });
    const [request] = await server.received(1);
    const { body, headers } = request as ReceivedRequest;
    expect(numbersIn(request as ReceivedRequest)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(headers).toMatchObject({ "x-mova-event": "batch", "x-mova-batch": "10", "x-mova-attempt": "1" });
    expect(headers["webhook-id"]).toMatch(/^bat_10_/);
    expect(headers["x-mova-delivery"]).toBe(headers["webhook-id"]);
    const verified = new StandardWebhook(secret).verify(body, stringHeaders(request as ReceivedRequest));
    expect(verified).toHaveLength(10);
    expect(new SvixWebhook(secret).verify(body, stringHeaders(request as ReceivedRequest))).toHaveLength(10);
    await until(async () => (await manager.find({ state: "delivered" })).deliveries.length === 10);
  });

  it("is tried again with the same batch, the same bytes and the same id, and every delivery has the record", async () => {
    const server = await testEndpoint((_, response, count) =>
      response.writeHead(count < 4 ? 503 : 200).end(),
    );
    const manager = testManager({
      endpoints: [{ id: "ops", url: server.url, secret, batch, retrySchedule: [0.01, 0.01, 0.01] }],
    });
    await manager.start();
    for (let n = 0; n < 10; n += 1) await manager.triggerEvent("cache.updated", { n });
    await server.received(1);
    for (let n = 10; n < 13; n += 1) await manager.triggerEvent("cache.updated", { n });
    await server.received(4);
    await until(async () => (await manager.find({ state: "delivered" })).deliveries.length === 10);
    const [first, ...others] = server.requests.filter(({ headers }) => headers["x-mova-batch"] === "10");
    expect(others).toHaveLength(3);
    for (const again of others) {
      expect(numbersIn(again)).toEqual(numbersIn(first as ReceivedRequest));
      expect(again.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    }
    expect(server.requests.map(({ headers }) => headers["x-mova-attempt"])).toEqual(["1", "2", "3", "4"]);
    const { deliveries } = await manager.find({ state: "delivered" });
    for (const { attempts } of deliveries) {
      expect(attempts.map(({ outcome }) => outcome)).toEqual(["http_5xx", "http_5xx", "http_5xx", "success"]);
    }
    expect(await manager.drain(5000)).toBe(true);
    expect(numbersIn(server.requests[4] as ReceivedRequest)).toEqual([10, 11, 12]);
  });

  it("that failed is not mixed with another that failed at the same time", async () => {
    const held: ServerResponse[] = [];
    const server = await testEndpoint((_, response, count) => {
      if (count <= 2) held.push(response);
      else response.writeHead(204).end();
    });
    const batches = { batch: { maxEvents: 3, maxWaitSeconds: 0.1 }, retrySchedule: [0] };
    const manager = testManager({ endpoints: [{ id: "ops", url: server.url, secret, ...batches }] });
    await manager.start();
    for (let n = 0; n < 4; n += 1) {
      await manager.triggerEvent("cache.updated", { n });
      if (n === 1) await server.received(1);
    }
    await server.received(2);
    for (const response of held) response.writeHead(503).end();
    await until(async () => (await manager.find({ state: "delivered" })).deliveries.length === 4);
    const sent = server.requests.map((request) => [request.headers["webhook-id"], numbersIn(request)]);
    expect(sent.map(([, numbers]) => numbers)).toEqual(
      expect.arrayContaining([
        [0, 1],
        [2, 3],
      ]),
    );
    expect(sent).toHaveLength(4);
    expect(sent.slice(2)).toEqual(expect.arrayContaining(sent.slice(0, 2)));
  });

  it("delivers each of many events in exactly one batch that was taken, whatever fails between", async () => {
    const taken: ReceivedRequest[] = [];
    const server = await testEndpoint((request, response, count) => {
      if (count % 3 === 0) return void response.writeHead(503).end();
      taken.push(request);
      response.writeHead(204).end();
    });
    const ops = { id: "ops", url: server.url, secret, concurrency: 3, retries: 50, retrySchedule: [0.001] };
    const manager = testManager({ endpoints: [{ ...ops, batch: { maxEvents: 7, maxWaitSeconds: 0.05 } }] });
    await manager.start();
    await Promise.all(Array.from({ length: 1000 }, (_, n) => manager.triggerEvent("cache.updated", { n })));
    await until(async () => {
      await manager.drain(100);
      return (await manager.find({ state: "delivered", limit: 2000 })).deliveries.length === 1000;
    });
    const numbers = taken.flatMap(numbersIn);
    expect(numbers).toHaveLength(1000);
    expect(new Set(numbers).size).toBe(1000);
    expect(new Set(taken.map(({ headers }) => headers["webhook-id"])).size).toBe(taken.length);
    const idOf = new Map<number, unknown>();
    for (const request of server.requests) {
      for (const n of numbersIn(request)) {
        const id = request.headers["webhook-id"];
        expect(idOf.get(n) ?? id).toBe(id);
        idOf.set(n, id);
      }
    }
  });

  it("is dead together and replayed together", async () => {
    const server = await testEndpoint(400);
    const manager = testManager({
      endpoints: [{ id: "ops", url: server.url, secret, batch: { maxEvents: 3, maxWaitSeconds: 60 } }],
    });
    await manager.start();
    for (let n = 0; n < 3; n += 1) await manager.triggerEvent("cache.updated", { n });
    await until(async () => (await manager.find({ state: "dead" })).deliveries.length === 3);
    server.answerWith(200);
    expect(await manager.replay({ state: "dead" })).toHaveLength(3);
    await until(async () => (await manager.find({ state: "delivered" })).deliveries.length === 3);
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.headers).toMatchObject({ "x-mova-replay": "1", "x-mova-batch": "3" });
  });

  it("hands what waits for company back to the outbox when it closes", async () => {
    const server = await testEndpoint();
    const outbox = memoryOutbox();
    const kept = Object.create(outbox, { close: { value: async () => undefined } }) as typeof outbox;
    for (const name of ["put", "claim", "settle", "due", "find", "get", "event", "counts", "ping"] as const) {
      Object.defineProperty(kept, name, { value: outbox[name].bind(outbox) });
    }
    Object.defineProperty(kept, "guarantees", { value: { durable: true, shared: false } });
    const manager = testManager({ outbox: kept, endpoints: [{ id: "ops", url: server.url, secret, batch }] });
    await manager.start();
    await manager.triggerEvent("cache.updated", { n: 1 });
    await manager.close();
    expect(server.requests).toHaveLength(0);
    expect((await outbox.find({})).deliveries).toMatchObject([{ state: "pending", attempts: [] }]);
  });
});

describe("an endpoint with a transform", () => {
  it("gets its own body and headers, signed as sent, the same over all retries", async () => {
    const server = await testEndpoint((_, response, count) =>
      response.writeHead(count < 3 ? 503 : 200).end(),
    );
    const plain = await testEndpoint();
    let made = 0;
    const manager = testManager({
      endpoints: [
        {
          id: "ops",
          url: server.url,
          secret,
          headers: { "Content-Type": "text/html", "X-Own": "kept" },
          retrySchedule: [0.001, 0.001],
          transform: ({ data }) => ({
            body: `size=${(data as { size: number }).size}&made=${++made}`,
            headers: { "Content-Type": "application/x-www-form-urlencoded" },
          }),
        },
        { id: "plain", url: plain.url, secret },
      ],
    });
    await manager.start();
    const { id } = await manager.triggerEvent("cache.updated", { size: 512 });
    const requests = await server.received(3);
    for (const { body, headers, rawHeaders } of requests) {
      expect(body.toString()).toBe("size=512&made=1");
      expect(headers).toMatchObject({
        "content-type": "application/x-www-form-urlencoded",
        "x-own": "kept",
        "webhook-id": id,
      });
      expect(rawHeaders.filter((name) => name.toLowerCase() === "content-type")).toHaveLength(1);
    }
    for (const { body, headers } of requests) {
      const signature = String(headers["x-mova-signature"]);
      expect(new WebhookReceiver({ secret }).verifySignature(body, signature)).toBe(true);
    }
    const [untouched] = await plain.received(1);
    expect(JSON.parse(String(untouched?.body))).toMatchObject({ data: { size: 512 } });
  });

  it("gets CloudEvents in headers, and chat messages", async () => {
    const [events, chat] = [await testEndpoint(), await testEndpoint()];
    const manager = testManager({
      endpoints: [
        { id: "events", url: events.url, secret, transform: cloudEventsBinary() },
        { id: "chat", url: chat.url, secret, transform: slack() },
      ],
    });
    await manager.start();
    const { id } = await manager.triggerEvent("cache.updated", { size: 512 });
    const [event] = await events.received(1);
    expect(event?.headers).toMatchObject({
      "ce-id": id,
      "ce-type": "cache.updated",
      "ce-specversion": "1.0",
    });
    expect(JSON.parse(String(event?.body))).toEqual({ size: 512 });
    const [message] = await chat.received(1);
    expect(Object.keys(JSON.parse(String(message?.body)) as object)).toEqual(["text"]);
  });

  it("goes without the event when the transform throws; that is counted, logged and explained", async () => {
    const [server, plain] = [await testEndpoint(), await testEndpoint()];
    const lines: { message: string; fields: object }[] = [];
    const write = (fields: object, message: string): void => void lines.push({ message, fields });
    const manager = testManager({
      logger: { debug: write, info: write, warn: write, error: write },
      endpoints: [
        {
          id: "ops",
          url: server.url,
          secret,
          transform: () => {
            throw new TypeError("payload 4711");
          },
        },
        { id: "plain", url: plain.url, secret },
      ],
    });
    await manager.start();
    const { id, deliveries } = await manager.triggerEvent("cache.updated", {});
    expect(deliveries).toHaveLength(1);
    await plain.received(1);
    const explanation = await manager.explain(id);
    expect(explanation?.endpoints.find(({ endpointId }) => endpointId === "ops")).toEqual({
      endpointId: "ops",
      verdict: "not_routed",
      reason: "the endpoint's transform threw, or did not answer at once",
    });
    expect(await manager.registry.metrics()).toContain(
      'mova_webhook_events_dropped_total{source="api",reason="transform_failed"} 1',
    );
    const dropped = lines.find(({ message }) => message === "event.dropped");
    expect(dropped?.fields).toMatchObject({
      reason: "transform_failed",
      endpoint_id: "ops",
      error_type: "TypeError",
    });
    expect(JSON.stringify(lines)).not.toContain("4711");
    expect(server.requests).toHaveLength(0);
  });
});

it("a batch is received whole: its handlers get each event, and a batch that comes again is a duplicate", async () => {
  const endpoint = await testEndpoint();
  const manager = testManager({
    endpoints: [{ id: "ops", url: endpoint.url, secret, batch: { maxEvents: 3, maxWaitSeconds: 5 } }],
  });
  await manager.start();
  for (const n of [1, 2]) await manager.triggerEvent("cache.updated", { n });
  await manager.triggerEvent("cache.cleared", { n: 3 });
  const [request] = await endpoint.received(1);
  const receiver = new WebhookReceiver({ secret });
  const heard: unknown[] = [];
  receiver.addHandler("cache.updated", (data, { id }) => heard.push([data, id]));
  const headers = request?.headers as Record<string, string>;
  const body = request?.body ?? Buffer.alloc(0);
  expect(await receiver.receive(body, headers)).toMatchObject({
    ok: true,
    duplicate: false,
    event: { event_type: "batch" },
  });
  const id = headers["webhook-id"];
  expect(heard).toEqual([
    [{ n: 1 }, `${id}_1`],
    [{ n: 2 }, `${id}_2`],
  ]);
  expect(await receiver.receive(body, headers)).toMatchObject({ ok: true, duplicate: true });
  expect(heard).toHaveLength(2);
});
