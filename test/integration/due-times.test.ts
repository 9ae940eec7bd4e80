/** Retries come when they are due, also where nothing else happens meanwhile. */
import { expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

it("a retry that becomes due a little after another of its endpoint is not forgotten", async () => {
  const endpoint = await testEndpoint((_, response, count) =>
    response.writeHead(count <= 2 ? 503 : 200).end(),
  );
  // The first retry is due after 300 ms, the second after 330.
  const jitter = [0, 1];
  const manager = testManager({
    random: () => jitter.shift() ?? 0,
    endpoints: [{ url: endpoint.url, secret, retrySchedule: [0.3], circuitBreaker: false }],
  });
  await manager.start();
  await Promise.all([manager.triggerEvent("error.occurred"), manager.triggerEvent("error.occurred")]);
  await until(async () => (await manager.find({ state: "delivered" })).deliveries.length === 2, 3000);
  expect(endpoint.requests).toHaveLength(4);
});
