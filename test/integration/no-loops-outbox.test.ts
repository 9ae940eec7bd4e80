/** An outbox that is made of watched parts makes no event of what it does, also where nothing else asks for care. */
import Keyv from "keyv";
import { memoryOutbox } from "mova-webhooks";
import { cache } from "mova-webhooks/plugins";
import { expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

it("an outbox that keeps its index in a watched cache causes no loop", async () => {
  const endpoint = await testEndpoint();
  const cached = new Keyv();
  const inner = memoryOutbox();
  const outbox = Object.assign(Object.create(inner) as typeof inner, {
    name: "indexed",
    put: async (...stored: Parameters<typeof inner.put>) => {
      await cached.set("last", "event");
      return inner.put(...stored);
    },
    claim: inner.claim.bind(inner),
    settle: inner.settle.bind(inner),
    due: inner.due.bind(inner),
    find: inner.find.bind(inner),
    counts: inner.counts.bind(inner),
    ping: inner.ping.bind(inner),
    close: inner.close.bind(inner),
  });
  const manager = testManager({ plugins: [cache()], outbox, endpoints: [{ url: endpoint.url, secret }] });
  manager.instrument(cached);
  await manager.start();
  await manager.triggerEvent("config.updated");
  await cached.set("the program's own", 1);
  await until(() => endpoint.requests.length >= 2);
  expect(await manager.drain(5000)).toBe(true);
  expect(endpoint.requests).toHaveLength(2);
  expect(await manager.registry.metrics()).toContain(
    'mova_webhook_events_dropped_total{source="cache",reason="loop"} 2',
  );
});
