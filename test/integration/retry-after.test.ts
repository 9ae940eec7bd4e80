/** How long a receiver is left alone that asks for it. */
import type { Delivery } from "mova-webhooks";
import { expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

/** How long after its first attempt a delivery is due again, where that was answered so. */
async function waitAfter(status: number, headers: Record<string, string>): Promise<number> {
  const server = await testEndpoint((_, response) => response.writeHead(status, headers).end());
  const statusRules = { "4xx": "retry" } as const;
  const endpoint = { id: "ops", url: server.url, secret, retrySchedule: [5], statusRules };
  const manager = testManager({ endpoints: [endpoint], now: () => 1_800_000_000_000, random: () => 0 });
  await manager.start();
  const { deliveries } = await manager.triggerEvent("cache.updated", {});
  let delivery: Delivery | undefined;
  await until(async () => {
    delivery = await manager.get(deliveries[0] ?? "");
    return delivery?.state === "pending" && delivery.attempts.length === 1;
  });
  return (delivery?.dueAt ?? 0) - 1_800_000_000_000;
}

it.each([
  [500, { "Retry-After": "120.0" }, 120_000],
  [503, { "Retry-After": "Friday, 15-Jan-27 08:02:00 GMT" }, 120_000],
  [408, { "Retry-After": "Fri Jan 15 08:02:00 2027" }, 120_000],
  [404, { "Retry-After": "9999999999999" }, 86_400_000],
  [302, { "Retry-After": "60" }, 60_000],
  [429, { "Retry-After": "60" }, 60_000],
  [429, { "Retry-After": "1" }, 5000],
  [429, {}, 10_000],
  [503, {}, 5000],
])("a %d with %j is tried again after %d ms", async (status, headers, expected) => {
  expect(await waitAfter(status, headers)).toBe(expected);
});
