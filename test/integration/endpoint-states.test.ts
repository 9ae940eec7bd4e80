/** What users think of as the endpoint's own: off is off after a restart and in every process, and nothing missed is lost. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WebhookEndpoint, WebhookManager } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { expect, it } from "vitest";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

function onFile(): (url: string, more?: Partial<WebhookEndpoint>) => WebhookManager {
  const path = join(mkdtempSync(join(tmpdir(), "mova-states-")), "outbox.db");
  return (url, more = {}) =>
    testManager({ outbox: sqliteOutbox({ path }), endpoints: [{ id: "ops", url, secret, ...more }] });
}

it.skipIf(!sqliteLoads)("an endpoint that answered 410 is off after a restart, with its reason", async () => {
  const make = onFile();
  const receiver = await testEndpoint(410);
  const first = make(receiver.url);
  await first.start();
  await first.triggerEvent("config.updated");
  await until(() => first.getEndpoints()[0]?.enabled === false);
  await first.close();
  const second = make(receiver.url);
  await second.start();
  expect(second.getEndpoints()[0]).toMatchObject({ status: "off", reason: "http_410", by: "receiver" });
  await second.endpoints.enable("ops");
  await second.close();
  const third = make(receiver.url);
  await third.start();
  expect(third.getEndpoints()[0]).toMatchObject({ status: "on" });
});

it.skipIf(!sqliteLoads)("what the settings switch off, no store switches on", async () => {
  const make = onFile();
  const receiver = await testEndpoint();
  const first = make(receiver.url);
  await first.start();
  await first.endpoints.disable("ops");
  await first.endpoints.enable("ops");
  await first.close();
  const second = make(receiver.url, { enabled: false });
  await second.start();
  expect(second.getEndpoints()[0]).toMatchObject({ status: "off", by: "settings" });
});

it.skipIf(!sqliteLoads)(
  "a pause in one process holds in another within moments; its events wait, and go out when it is resumed",
  async () => {
    const make = onFile();
    const receiver = await testEndpoint();
    const [one, other] = [make(receiver.url), make(receiver.url)];
    await Promise.all([one.start(), other.start()]);
    await one.endpoints.pause("ops", "maintenance");
    await until(() => other.getEndpoints()[0]?.status === "paused");
    const { id } = await other.triggerEvent("config.updated");
    expect((await other.explain(id))?.endpoints[0]).toMatchObject({
      verdict: "waiting",
      reason: "the endpoint is paused by code (maintenance)",
    });
    expect(receiver.requests.length).toBe(0);
    await one.endpoints.resume("ops");
    await receiver.received(1);
  },
);

it.skipIf(!sqliteLoads)(
  "enable says how many died and how many came while it was off, and with replay delivers both",
  async () => {
    const make = onFile();
    const receiver = await testEndpoint(404);
    const manager = make(receiver.url, { filter: ({ data }) => (data as { n: number }).n !== 3 });
    await manager.start();
    await manager.triggerEvent("config.updated", { n: 1 });
    await until(async () => (await manager.find({ state: "dead" })).deliveries.length === 1);
    await manager.endpoints.disable("ops", "by hand");
    await manager.triggerEvent("config.updated", { n: 2 });
    await manager.triggerEvent("config.updated", { n: 3 });
    receiver.answerWith(204);
    expect(await manager.endpoints.enable("ops")).toEqual({ replayed: 1, missed: 1 });
    expect(receiver.requests.length).toBe(1);
    expect(await manager.endpoints.enable("ops", { replay: true })).toEqual({ replayed: 1, missed: 1 });
    await receiver.received(3);
    const got = receiver.requests.map(
      ({ body }) => (JSON.parse(String(body)) as { data: { n: number } }).data.n,
    );
    expect(new Set(got.slice(1))).toEqual(new Set([1, 2]));
    await expect(manager.endpoints.pause("nobody")).rejects.toMatchObject({ code: "ENDPOINT_UNKNOWN" });
  },
);

it.skipIf(!sqliteLoads)(
  "a delivery is sent now instead of later, or cancelled, and remembers who asked",
  async () => {
    const receiver = await testEndpoint(500);
    const manager = onFile()(receiver.url, { retrySchedule: [600] });
    await manager.start();
    const [first = "", second = ""] = [
      ...(await manager.triggerEvent("config.updated")).deliveries,
      ...(await manager.triggerEvent("config.updated")).deliveries,
    ];
    const waits = async (id: string) => (await manager.get(id))?.attempts.length === 1;
    await until(async () => (await waits(first)) && (await waits(second)));
    receiver.answerWith(204);
    await manager.sendNow(first);
    await until(async () => (await manager.get(first))?.state === "delivered");
    expect((await manager.get(first))?.interventions).toMatchObject([{ action: "send", by: "code" }]);
    await expect(manager.sendNow(first)).rejects.toMatchObject({ code: "DELIVERY_BUSY" });
    await manager.cancel(second, "duplicate");
    expect(await manager.get(second)).toMatchObject({ state: "dead", reason: "cancelled: duplicate" });
    await expect(manager.cancel("dlv_none")).rejects.toMatchObject({ code: "DELIVERY_UNKNOWN" });
  },
);
