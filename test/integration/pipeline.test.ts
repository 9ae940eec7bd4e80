import { createHmac } from "node:crypto";
import { WebhookError, WebhookReceiver } from "mova-webhooks";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("the pipeline", () => {
  it("delivers a triggered event with both signature families", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.start();
    const { id, deliveries } = await manager.triggerEvent("cache.updated", {
      key: "user_data_123",
      size: 512,
    });
    const [request] = await endpoint.received(1);
    expect(deliveries).toHaveLength(1);
    const body = request?.body ?? Buffer.alloc(0);
    expect(Object.keys(JSON.parse(body.toString()))).toEqual([
      "event_type",
      "timestamp",
      "data",
      "source",
      "version",
    ]);
    expect(JSON.parse(body.toString())).toMatchObject({
      event_type: "cache.updated",
      data: { key: "user_data_123", size: 512 },
      source: "mova_sdk",
      version: "2.2",
    });
    expect(request?.headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "MOVA-SDK/2.2",
      "x-mova-event": "cache.updated",
      "x-mova-delivery": deliveries[0],
      "x-mova-attempt": "1",
      "x-mova-signature": createHmac("sha256", secret).update(body).digest("hex"),
      "webhook-id": id,
    });
    const headers = request?.headers as Record<string, string>;
    expect(new StandardWebhook(secret).verify(body, headers)).toMatchObject({ event_type: "cache.updated" });
    expect(new SvixWebhook(secret).verify(body, headers)).toMatchObject({ event_type: "cache.updated" });
    const received = await new WebhookReceiver({ secret }).receive(body, headers);
    expect(received).toMatchObject({ ok: true, event: { id, event_type: "cache.updated" } });
  });

  it("delivers what was triggered before the start", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ endpoints: [{ url: endpoint.url, secret }] });
    await manager.triggerEvent("config.updated", { keys: ["a"] });
    expect(endpoint.requests).toHaveLength(0);
    await manager.start();
    expect(await endpoint.received(1)).toHaveLength(1);
  });

  it("retries with the same webhook-id until the receiver takes it", async () => {
    const endpoint = await testEndpoint((_, response, count) =>
      response.writeHead(count < 3 ? 503 : 200).end(),
    );
    const manager = testManager({
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01, 0.01, 0.01] }],
    });
    await manager.start();
    const { id, deliveries } = await manager.triggerEvent("error.occurred", {});
    await endpoint.received(3);
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");
    expect(endpoint.requests.map((request) => request.headers["webhook-id"])).toEqual([id, id, id]);
    expect(endpoint.requests.map((request) => request.headers["x-mova-attempt"])).toEqual(["1", "2", "3"]);
    const delivery = await manager.get(deliveries[0] ?? "");
    expect(delivery?.attempts.map((attempt) => attempt.outcome)).toEqual(["http_5xx", "http_5xx", "success"]);
  });

  it("keeps a delivery as dead when its retries are spent, and replays it on demand", async () => {
    const endpoint = await testEndpoint(500);
    const manager = testManager({
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.01] }],
    });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("error.occurred", {});
    const id = deliveries[0] ?? "";
    await until(async () => (await manager.get(id))?.state === "dead");
    expect(endpoint.requests).toHaveLength(2);
    endpoint.answerWith(200);
    expect(await manager.replay({ state: "dead" })).toEqual([id]);
    await until(async () => (await manager.get(id))?.state === "delivered");
    expect((await manager.get(id))?.attempts.map(({ number, replay }) => [number, replay])).toEqual([
      [1, 0],
      [2, 0],
      [1, 1],
    ]);
  });

  it("switches an endpoint off when it answers 410", async () => {
    const endpoint = await testEndpoint(410);
    const manager = testManager({ endpoints: [{ id: "gone", url: endpoint.url, secret }] });
    await manager.start();
    await manager.triggerEvent("error.occurred", {});
    await until(() => manager.getEndpoints()[0]?.enabled === false);
    expect(manager.getEndpoints()[0]?.reason).toBe("http_410");
    const { id, deliveries } = await manager.triggerEvent("error.occurred", {});
    expect(deliveries).toEqual([]);
    expect((await manager.explain(id))?.endpoints).toEqual([
      { endpointId: "gone", verdict: "not_routed", reason: "the endpoint was disabled" },
    ]);
  });

  it("ends an attempt at a receiver that hangs by its timeout", async () => {
    const endpoint = await testEndpoint(() => undefined);
    const manager = testManager({ endpoints: [{ url: endpoint.url, secret, timeout: 0.1, retries: 0 }] });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("error.occurred", {});
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "dead");
    expect((await manager.get(deliveries[0] ?? ""))?.attempts[0]?.outcome).toBe("timeout");
  });

  it("takes a 200 whose body never ends as delivered, and goes on", async () => {
    const endpoint = await testEndpoint((_, response) => {
      response.writeHead(200);
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
        response.once("drain", pour);
      };
      pour();
    });
    const manager = testManager({ endpoints: [{ url: endpoint.url, secret, timeout: 5 }] });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("error.occurred", {});
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");
    const [attempt] = (await manager.get(deliveries[0] ?? ""))?.attempts ?? [];
    expect(attempt).toMatchObject({ outcome: "success", status: 200 });
  });

  it("delivers many events to several endpoints, each exactly once", async () => {
    const endpoints = [await testEndpoint(), await testEndpoint(), await testEndpoint()];
    const manager = testManager({
      endpoints: endpoints.map(({ url }, index) => ({ id: `e${index}`, url, secret })),
    });
    await manager.start();
    await Promise.all(Array.from({ length: 500 }, (_, n) => manager.triggerEvent("cache.updated", { n })));
    expect(await manager.drain(10_000)).toBe(true);
    for (const { requests } of endpoints) {
      expect(new Set(requests.map((request) => request.headers["webhook-id"])).size).toBe(500);
      expect(requests).toHaveLength(500);
    }
  });

  it("keeps everything in the outbox while an endpoint is off, and delivers it when it is on again", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    for (let n = 0; n < 50; n += 1) await manager.triggerEvent("cache.updated", { n });
    manager.setEndpointEnabled("ops", false);
    await manager.start();
    expect(await manager.drain(1000)).toBe(true);
    expect(endpoint.requests).toHaveLength(0);
    manager.setEndpointEnabled("ops", true);
    await endpoint.received(50);
  });
});

describe("bad input", () => {
  it("is refused with an error that names the remedy", async () => {
    const manager = testManager({ maxBodyBytes: 1024 });
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    await expect(manager.triggerEvent("cache.updatd")).rejects.toThrow(/nearest are cache\.updated/);
    await expect(manager.triggerEvent("cache.updated", circular)).rejects.toMatchObject({
      code: "DATA_UNSERIALISABLE",
    });
    await expect(manager.triggerEvent("cache.updated", { n: 1n })).rejects.toMatchObject({
      code: "DATA_UNSERIALISABLE",
    });
    await expect(manager.triggerEvent("cache.updated", "x".repeat(1024))).rejects.toMatchObject({
      code: "DATA_TOO_LARGE",
    });
    expect(() => manager.addEndpoint({ url: "not a url", secret })).toThrow(/https:\/\/example\.com/);
    expect(() => manager.addEndpoint({ url: "https://example.com", secret: "" })).toThrow(/empty secret/);
    expect(() => manager.addEndpoint({ url: "https://example.com", secret, timeout: 30_000 })).toThrow(
      /seconds from 0.1 to 600, got `30000`/,
    );
    expect(() => manager.addEndpoint({ url: "http://10.0.0.1/", secret })).toThrow(/network\.allow/);
    expect(() => manager.addEndpoint({ url: "https://example.com", secret, headers: { Host: "x" } })).toThrow(
      /Host/,
    );
  });

  it("is refused after close", async () => {
    const manager = testManager();
    await manager.close();
    const error = await manager.triggerEvent("cache.updated").catch((reason: unknown) => reason);
    expect(WebhookError.is(error, "CLOSED")).toBe(true);
  });

  it("a full outbox refuses and keeps what it had", async () => {
    const { memoryOutbox } = await import("mova-webhooks");
    const endpoint = await testEndpoint();
    const manager = testManager({
      outbox: memoryOutbox({ maxDeliveries: 3 }),
      endpoints: [{ url: endpoint.url, secret }],
    });
    for (let n = 0; n < 3; n += 1) await manager.triggerEvent("cache.updated", { n });
    await expect(manager.triggerEvent("cache.updated", { n: 3 })).rejects.toMatchObject({
      code: "OUTBOX_FULL",
    });
    await manager.start();
    await endpoint.received(3);
  });
});

describe("the end of a manager", () => {
  it.skipIf(!sqliteLoads)("hands back what it cut off, as if that attempt had not been", async () => {
    const { sqliteOutbox } = await import("../../src/outbox/sqlite/index.ts");
    const folder = temporaryFolder();
    const path = `${folder}/outbox.db`;
    const endpoint = await testEndpoint(() => undefined);
    const settings = { endpoints: [{ id: "ops", url: endpoint.url, secret, retries: 0 }] };
    const first = testManager({ ...settings, outbox: sqliteOutbox({ path }) });
    await first.start();
    const { deliveries } = await first.triggerEvent("cache.updated", {});
    await endpoint.received(1);
    await first.close(0);

    endpoint.answerWith(200);
    const second = testManager({ ...settings, outbox: sqliteOutbox({ path }) });
    await second.start();
    await until(async () => (await second.get(deliveries[0] ?? ""))?.state === "delivered");
    expect((await second.get(deliveries[0] ?? ""))?.attempts).toHaveLength(1);
    await second.close();
  });
});
