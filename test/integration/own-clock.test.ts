/** A program's own clock that is set back holds up nothing, as the system's does not. */
import { type WebhookEndpoint } from "mova-webhooks";
import { expect, it } from "vitest";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";

const day = 86_400_000;

it.each<[what: string, settings: Partial<WebhookEndpoint>]>([
  ["a rate limit", { rateLimit: { max: 1, per: 0.05 } }],
  ["a retry", { retrySchedule: [0.05], circuitBreaker: false }],
  ["an open circuit", { retrySchedule: [0.05], circuitBreaker: { failures: 1, wait: 0.05 } }],
])("%s waits no longer than it would", async (_, settings) => {
  const server = await testEndpoint((_request, response, count) =>
    response.writeHead(count > 1 ? 204 : 500).end(),
  );
  let setByMs = 0;
  const manager = testManager({
    now: () => Date.now() + setByMs,
    eventTypes: ["order.*"],
    endpoints: [{ id: "ops", url: server.url, secret, retrySchedule: [0.05], throttledWait: 0, ...settings }],
  });
  await manager.start();
  for (let n = 0; n < 3; n += 1) await manager.triggerEvent("order.paid", { n });
  await server.received(1);
  setByMs = -day;
  await server.received(4);
  await expect.poll(async () => (await manager.find({ state: "delivered" })).deliveries.length).toBe(3);
});
