/** Texts that are cut: between two characters, and so that one sees it. */
import { LRUCache } from "lru-cache";
import { Ajv } from "ajv";
import { cache } from "mova-webhooks/plugins/cache";
import { config } from "mova-webhooks/plugins/config";
import { error } from "mova-webhooks/plugins/error";
import { validation } from "mova-webhooks/plugins/validation";
import { slack } from "mova-webhooks/transforms";
import { describe, expect, it } from "vitest";
import { createWebhookEvent } from "../../src/event/webhook-event.ts";
import { collectingHost } from "../../src/testing/collecting-host.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

/** Has the middle of a pair at every odd offset, or with `shift` at every even one. */
function pairs(shift: number): string {
  return "x".repeat(shift) + "😀".repeat(5000);
}

function isCutWell(text: string, maxLength: number): void {
  expect(text).toMatch(/^x?(😀)+…$/u);
  expect(text.length).toBeLessThanOrEqual(maxLength);
  expect(text.length).toBeGreaterThan(maxLength - 3);
}

describe.each([0, 1])("a text of pairs, moved by %i", (shift) => {
  const text = pairs(shift);

  it("as a cache key", () => {
    const host = collectingHost(cache());
    const lru = host.instrument(new LRUCache<string, number>({ max: 10 }));
    lru.set(text, 1);
    lru.delete(text);
    expect(host.drafts).toHaveLength(2);
    for (const { data } of host.drafts) isCutWell((data as { key: string }).key, 256);
  });

  it("as the name of a setting", () => {
    const host = collectingHost(config());
    host.instrument({ set: (_key: string, _value: unknown) => true, update: () => true }).set(text, 1);
    const { keys } = (host.drafts[0]?.data ?? { keys: [] }) as { keys: string[] };
    expect(keys).toHaveLength(1);
    isCutWell(keys[0] ?? "", 256);
  });

  it("as the name of a schema", () => {
    const host = collectingHost(validation());
    const validate = host.instrument(new Ajv()).compile({ $id: text, type: "string" });
    validate(1);
    const { data } = host.drafts.find(({ type }) => type === "validation.failed") ?? {};
    expect(data).toHaveProperty("schema");
    isCutWell((data as { schema: string }).schema, 200);
  });

  it("as an error's message, thrown as an error or as a text", () => {
    const host = collectingHost(error());
    for (const happened of [new Error(text), text]) {
      host.publish("error:reported", { error: happened, context: {} });
    }
    expect(host.drafts).toHaveLength(2);
    for (const { data } of host.drafts) isCutWell((data as { error_message: string }).error_message, 2000);
  });

  it("as a message of a chat", () => {
    const event = createWebhookEvent({ type: "error.occurred", data: text, occurredAt: 0 });
    const { text: message } = slack()(event).body as { text: string };
    expect(message).not.toMatch(/\p{Surrogate}/u);
    expect(message).toContain("…");
  });

  it("in a message about a setting", () => {
    const url = "https://example.com/";
    for (const endpoint of [
      { url, secret, id: text },
      { url, secret, [text]: 1 },
      { url, secret, headers: { [text]: "a" } },
      { url, secret, eventTypes: [text] },
    ]) {
      let refused = "";
      try {
        testManager({ endpoints: [endpoint] });
      } catch (why) {
        refused = String(why);
      }
      expect(refused).toMatch(/😀…/u);
      expect(refused).not.toMatch(/\p{Surrogate}/u);
      expect(refused.length).toBeLessThan(1000);
    }
  });

  it("as what a receiver answered", async () => {
    const endpoint = await testEndpoint((_, response) => response.writeHead(422).end(text));
    const manager = testManager({ endpoints: [{ url: endpoint.url, secret }] });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated");
    const id = deliveries[0] ?? "";
    await until(async () => (await manager.get(id))?.state === "dead");
    const answer = (await manager.get(id))?.attempts[0]?.response ?? "";
    expect(answer).toMatch(/^x?(😀)+…$/u);
    expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(2048);
    expect(Buffer.byteLength(answer)).toBeGreaterThan(2040);
  });
});

it("an answer that is stored whole says nothing of a cut", async () => {
  const whole = "y".repeat(2048);
  const endpoint = await testEndpoint((_, response) => response.writeHead(422).end(whole));
  const manager = testManager({ endpoints: [{ url: endpoint.url, secret }] });
  await manager.start();
  const { deliveries } = await manager.triggerEvent("cache.updated");
  await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "dead");
  expect((await manager.get(deliveries[0] ?? ""))?.attempts[0]?.response).toBe(whole);
});
