/** An endpoint comes back with ten thousand deliveries waiting: no herd, and new events do not wait behind old ones. */
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import type { ServerResponse } from "node:http";
import { memoryOutbox } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { submission } from "../support/submission.ts";

const waiting = 10_000;
const concurrency = 16;

/** Ten thousand deliveries that were tried once and are due again. */
async function outboxWithRetries(): Promise<Outbox> {
  const outbox = memoryOutbox({ maxDeliveries: 20_000 });
  const now = Date.now();
  const body = Buffer.from('{"event_type":"cache.updated"}');
  await outbox.put(Array.from({ length: waiting }, (_, n) => submission(`old_${n}`, { body })));
  for (const claim of await claimsOf(outbox, "ops", waiting)) {
    await outbox.settle(claim, { kind: "retry", dueAt: now, reason: "timeout" });
  }
  return outbox;
}

describe("an endpoint that comes back with 10,000 deliveries waiting", () => {
  it("is probed by one, then never has more than its concurrency, and new events overtake old retries", async () => {
    const server = await testEndpoint(503);
    const manager = testManager({
      outbox: await outboxWithRetries(),
      endpoints: [
        {
          id: "ops",
          url: server.url,
          secret,
          concurrency,
          retries: 100,
          retrySchedule: [0],
          circuitBreaker: { failures: 5, wait: 0.2 },
        },
      ],
    });
    const circuit = (): string | undefined => manager.getEndpoints()[0]?.circuit;
    const held: ServerResponse[] = [];
    let inFlight = 0;
    let peak = 0;
    await manager.start();
    await until(() => circuit() === "open");
    await until(async () => (await manager.find({ state: "delivering", limit: 1 })).deliveries.length === 0);
    const wasted = server.requests.length;
    expect(wasted).toBeLessThanOrEqual(5 + concurrency);

    server.answerWith((_, response) => void held.push(response));
    await server.received(wasted + 1);
    const fresh: string[] = [];
    for (let n = 0; n < 100; n += 1) fresh.push((await manager.triggerEvent("cache.updated", { n })).id);
    expect([server.requests.length - wasted, circuit()]).toEqual([1, "half_open"]);

    server.answerWith((_, response) => {
      inFlight += 1;
      peak = Math.max(peak, inFlight);
      response.once("close", () => (inFlight -= 1));
      setImmediate(() => response.writeHead(204).end());
    });
    held[0]?.writeHead(204).end();
    expect(await manager.drain(60_000)).toBe(true);
    expect(peak).toBeGreaterThan(1);
    expect(peak).toBeLessThanOrEqual(concurrency);
    const order = server.requests.slice(wasted).map(({ headers }) => headers["webhook-id"]);
    expect(order).toHaveLength(waiting + fresh.length);
    expect(new Set(order).size).toBe(order.length);
    const lastFresh = Math.max(...fresh.map((id) => order.indexOf(id)));
    // Half of every claim is for new events: the hundredth is among the first few hundred of ten thousand.
    expect(lastFresh).toBeLessThan(400);
  }, 60_000);
});
