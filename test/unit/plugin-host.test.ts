import { definePlugin } from "mova-webhooks/plugin";
import { describe, expect, it } from "vitest";
import { testEndpoint, testManager, secret } from "../support/pipeline.ts";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "orders:paid": { readonly orderId: string; readonly cents: number };
  }
}

function orders(translate: (orderId: string) => { type: "orders.paid"; data: { order_id: string } }) {
  return definePlugin({
    contract: 1,
    name: "orders",
    events: { "orders.paid": { summary: "An order was paid.", example: { order_id: "1" } } },
    translate: { "orders:paid": ({ orderId }) => translate(orderId) },
  });
}

const paid = (order_id: string) => ({ type: "orders.paid" as const, data: { order_id } });

describe("a source plugin", () => {
  it("turns what is published on the bus into events", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ plugins: [orders(paid)], endpoints: [{ url: endpoint.url, secret }] });
    await manager.start();
    manager.bus.publish("orders:paid", { orderId: "A-1", cents: 100 });
    const [request] = await endpoint.received(1);
    expect(JSON.parse(request?.body.toString() ?? "")).toMatchObject({
      event_type: "orders.paid",
      data: { order_id: "A-1" },
    });
  });

  it("is asked for nothing while nobody wants its events", () => {
    const asked: string[] = [];
    const manager = testManager({
      plugins: [orders((id) => (asked.push(id), paid(id)))],
      endpoints: [{ url: "https://example.com", secret, eventTypes: ["cache.*"] }],
    });
    expect(manager.bus.has("orders:paid")).toBe(false);
    manager.bus.publish("orders:paid", { orderId: "A-1", cents: 100 });
    manager.addEventHandler("orders.paid", () => undefined);
    manager.bus.publish("orders:paid", { orderId: "A-2", cents: 100 });
    manager.setEnabled(false);
    manager.bus.publish("orders:paid", { orderId: "A-3", cents: 100 });
    expect(asked).toEqual(["A-2"]);
  });

  it("that throws while translating is counted, and neither the publisher nor others notice", async () => {
    const endpoint = await testEndpoint();
    const broken = orders(() => {
      throw new Error("plugin's own");
    });
    const manager = testManager({ plugins: [broken], endpoints: [{ url: endpoint.url, secret }] });
    await manager.start();
    manager.bus.publish("orders:paid", { orderId: "A-1", cents: 100 });
    await manager.triggerEvent("cache.updated");
    await endpoint.received(1);
    const text = await manager.registry.metrics();
    expect(text).toContain('mova_webhook_plugin_errors_total{plugin="orders"} 1');
    expect(text).toContain('mova_webhook_events_dropped_total{source="orders",reason="translate_failed"} 1');
  });

  it("is refused with what is wrong about it", () => {
    const manager = testManager({ plugins: [orders(paid)] });
    const plugin = orders(paid);
    expect(() => manager.use(plugin)).toThrow(/Two plugins are named `orders`/);
    expect(() => manager.use({ ...plugin, contract: 2 as 1 })).toThrow(/contract 2/);
    expect(() => manager.use({ ...plugin, name: "Bad Name" })).toThrow(/`name`/);
    const foreign = { ...plugin, name: "payments" };
    expect(() => manager.use(foreign)).toThrow(
      /`orders.paid` of plugin `payments` must start with `payments.`/,
    );
  });

  it("recognises nothing in an unknown component, and says what it could", () => {
    const manager = testManager({ plugins: [orders(paid)] });
    expect(() => manager.instrument({ unknown: true })).toThrow(/No plugin recognises this object/);
  });
});

describe("an event handler", () => {
  it("hears events of its pattern, and one that throws disturbs nobody", async () => {
    const manager = testManager();
    const heard: string[] = [];
    manager.addEventHandler("cache.*", () => {
      throw new Error("handler's own");
    });
    const handler = (event: { event_type: string }): void => void heard.push(event.event_type);
    manager.addEventHandler("cache.*", handler);
    await manager.triggerEvent("cache.updated");
    await manager.triggerEvent("error.occurred");
    expect(manager.removeEventHandler("cache.*", handler)).toBe(true);
    expect(manager.removeEventHandler("cache.*", handler)).toBe(false);
    await manager.triggerEvent("cache.updated");
    expect(heard).toEqual(["cache.updated"]);
  });

  it("whose components cause events of their own causes no loop", async () => {
    const manager = testManager({ plugins: [orders(paid)] });
    let calls = 0;
    manager.addEventHandler("orders.paid", async () => {
      calls += 1;
      await Promise.resolve();
      manager.bus.publish("orders:paid", { orderId: "again", cents: 1 });
    });
    manager.bus.publish("orders:paid", { orderId: "first", cents: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(1);
    expect(await manager.registry.metrics()).toContain(
      'mova_webhook_events_dropped_total{source="orders",reason="loop"} 1',
    );
  });
});
