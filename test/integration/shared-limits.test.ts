/** Limits, order and expiry from the front door: what an endpoint asks for holds over all processes of one outbox. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryOutbox, type Outbox } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { expect, it } from "vitest";
import { collectingLogger } from "../support/collecting-logger.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

function file(): string {
  return join(mkdtempSync(join(tmpdir(), "mova-limits-")), "outbox.db");
}

/** In memory, and on a file where a driver of SQLite loads. */
function outboxes(): Outbox[] {
  return [memoryOutbox(), ...(sqliteLoads ? [sqliteOutbox({ path: file() })] : [])];
}

it.skipIf(!sqliteLoads)("a given concurrency holds over two managers on one file", async () => {
  const path = file();
  let [running, most] = [0, 0];
  const receiver = await testEndpoint((_, response) => {
    running += 1;
    most = Math.max(most, running);
    setTimeout(() => {
      running -= 1;
      response.writeHead(204).end();
    }, 20);
  });
  const endpoints = [{ id: "ops", url: receiver.url, secret, concurrency: 2 }];
  const managers = [1, 2].map(() => testManager({ outbox: sqliteOutbox({ path }), endpoints }));
  const [one] = managers;
  for (let n = 0; n < 30; n += 1) await one?.triggerEvent("config.updated", { n });
  await Promise.all(managers.map((manager) => manager.start()));
  await receiver.received(30, 20_000);
  expect(most).toBeLessThanOrEqual(2);
});

it.skipIf(!sqliteLoads)(
  "where two managers have different limits for one endpoint, the stricter holds and that is said once",
  async () => {
    const path = file();
    const receiver = await testEndpoint((_, response) => setTimeout(() => response.writeHead(204).end(), 10));
    const logger = collectingLogger();
    const managerWith = (concurrency: number) =>
      testManager({
        ...{ outbox: sqliteOutbox({ path }), logger },
        endpoints: [{ id: "ops", url: receiver.url, secret, concurrency }],
      });
    const [strict, loose] = [managerWith(1), managerWith(8)];
    for (let n = 0; n < 20; n += 1) await strict.triggerEvent("config.updated", { n });
    await Promise.all([strict.start(), loose.start()]);
    for (let n = 0; n < 20; n += 1) await loose.triggerEvent("config.updated", { n });
    await receiver.received(40, 20_000);
    const said = logger.complaints.filter((line) => line.includes("stricter limits"));
    expect(said.length).toBe(1);
  },
);

it("deliveries of one order go out one after the other, although the first fails for a while", async () => {
  for (const outbox of outboxes()) {
    const came: string[] = [];
    const receiver = await testEndpoint(({ body }, response, count) => {
      const { data } = JSON.parse(String(body)) as { data: { order: string; n: number } };
      came.push(`${data.order}${data.n}`);
      response.writeHead(count === 1 ? 500 : 204).end();
    });
    const manager = testManager({
      outbox,
      endpoints: [
        { id: "ops", url: receiver.url, secret, orderBy: "data.order", retrySchedule: [0.05, 0.05] },
      ],
      eventTypes: ["order.*"],
    });
    await manager.start();
    for (let n = 1; n <= 3; n += 1) await manager.triggerEvent("order.changed", { order: "a", n });
    await receiver.received(4);
    expect(came).toEqual(["a1", "a1", "a2", "a3"]);
  }
});

it("explain names the delivery that one waits behind; an event without the path waits for nobody", async () => {
  const receiver = await testEndpoint(500);
  const manager = testManager({
    endpoints: [{ id: "ops", url: receiver.url, secret, orderBy: "data.order", retrySchedule: [60] }],
    eventTypes: ["order.*"],
  });
  await manager.start();
  const first = await manager.triggerEvent("order.changed", { order: 7 });
  await receiver.received(1);
  const second = await manager.triggerEvent("order.changed", { order: 7 });
  await manager.triggerEvent("order.changed", {});
  await receiver.received(2);
  const explanation = await manager.explain(second.id);
  expect(explanation?.endpoints[0]).toMatchObject({
    verdict: "waiting",
    reason: `behind ${first.deliveries[0]}`,
  });
  expect(receiver.requests.length).toBe(2);
});

it("what has expired is dead with that reason, counted, and never sent", async () => {
  for (const outbox of outboxes()) {
    const receiver = await testEndpoint();
    const manager = testManager({
      outbox,
      endpoints: [{ id: "ops", url: receiver.url, secret }],
    });
    await manager.start();
    const past = Date.now() - 1000;
    const { deliveries } = await manager.triggerEvent("config.updated", {}, { expiresAt: new Date(past) });
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "dead");
    expect((await manager.get(deliveries[0] ?? ""))?.reason).toBe("expired");
    const metrics = await manager.registry.metrics();
    expect(metrics).toMatch(/mova_webhook_deliveries_total\{.*outcome="dead".*\} 1/);
    expect(receiver.requests.length).toBe(0);
  }
});

it("an endpoint's maxAge ends what fails for longer", async () => {
  const receiver = await testEndpoint(500);
  const manager = testManager({
    endpoints: [{ id: "ops", url: receiver.url, secret, maxAge: 0.1, retrySchedule: [0.01], retries: 100 }],
  });
  await manager.start();
  const { deliveries } = await manager.triggerEvent("config.updated");
  await until(async () => (await manager.get(deliveries[0] ?? ""))?.reason === "expired");
  expect((await manager.get(deliveries[0] ?? ""))?.state).toBe("dead");
});

it("an event is sent from deliverAt on; the past is now, and what is too far ahead is refused by name", async () => {
  const receiver = await testEndpoint();
  const manager = testManager({ endpoints: [{ id: "ops", url: receiver.url, secret }] });
  await manager.start();
  const at = Date.now() + 300;
  await manager.triggerEvent("config.updated", { n: 1 }, { deliverAt: at });
  await manager.triggerEvent("config.updated", { n: 2 }, { deliverAt: new Date(0) });
  await receiver.received(2);
  const order = receiver.requests.map(
    ({ body }) => (JSON.parse(String(body)) as { data: { n: number } }).data.n,
  );
  expect(order).toEqual([2, 1]);
  expect(Date.now()).toBeGreaterThanOrEqual(at);
  const never = Date.now() + 200 * 365 * 86_400_000;
  await expect(manager.triggerEvent("config.updated", {}, { deliverAt: never })).rejects.toThrow(
    "Expected `deliverAt` of `triggerEvent()` to be a Date or Unix milliseconds, at most ten years ahead",
  );
});

it("a transaction that the outbox cannot join is refused, and nothing is stored", async () => {
  const manager = testManager({ endpoints: [{ id: "ops", url: "http://127.0.0.1:9/", secret }] });
  const event = manager.triggerEvent("config.updated", {}, { transaction: { query: () => undefined } });
  await expect(event).rejects.toMatchObject({ code: "TRANSACTION_UNSUPPORTED" });
  expect((await manager.find()).deliveries).toEqual([]);
});

it("an outbox of the first contract is refused where the manager is made, with what changed", () => {
  const older = Object.assign(memoryOutbox(), { name: "mine", contract: 1 }) as unknown as Outbox;
  expect(() => testManager({ outbox: older })).toThrow(
    /`mine` has contract 1.*`claim` takes the endpoint's limits/s,
  );
});
