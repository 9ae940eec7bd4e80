/** Ids that a program gives its events: any it has, each for one event. */
import { join } from "node:path";
import { memoryOutbox, type Outbox } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { WebhookReceiver } from "mova-webhooks/receiver";
import { describe, expect, it, onTestFinished } from "vitest";
import { reasonWithoutRedis, redisSubject } from "../support/redis-subject.ts";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";
import { ask, post, serve } from "../support/server.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const without = await reasonWithoutRedis();

const stores: Record<string, () => Outbox | Promise<Outbox>> = {
  memory: () => memoryOutbox(),
  ...(sqliteLoads && { sqlite: () => sqliteOutbox({ path: join(temporaryFolder(), "outbox.db") }) }),
  ...(without === undefined && {
    redis: () => {
      const subject = redisSubject();
      onTestFinished(() => subject.end());
      return subject.open();
    },
  }),
};

const keys = ["order:paid:1", "a.b", "order/123", "%2E", '"{[\\`~', "#?&=+", "..", "x".repeat(255)];

describe.each(Object.entries(stores))("an id of one's own, stored by %s", (_, open) => {
  it("may be any visible ASCII; it is delivered once, found again, and its deliveries have short ids", async () => {
    const endpoint = await testEndpoint();
    const receiver = new WebhookReceiver(secret);
    const outbox = await open();
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.start();
    for (const id of keys) {
      const { id: answered, deliveries } = await manager.triggerEvent("cache.updated", { id }, { id });
      expect(answered).toBe(id);
      expect(deliveries).toEqual([expect.stringMatching(/^dlv_~[0-9a-f]{32}_[0-9a-f]{12}$/)]);
      expect(await manager.get(deliveries[0] ?? "")).toMatchObject({ eventId: id });
      expect(await manager.explain(id)).toMatchObject({ eventId: id });
      expect((await manager.find({ eventId: id })).deliveries).toHaveLength(1);
    }
    const requests = await endpoint.received(keys.length);
    const received = await Promise.all(requests.map(({ body, headers }) => receiver.receive(body, headers)));
    expect(received.map((each) => each.ok && !each.duplicate)).toEqual(keys.map(() => true));
    const ids = new Map(
      requests.map(({ body, headers }) => [JSON.parse(String(body)).data.id, headers["webhook-id"]]),
    );
    expect(ids.get("order:paid:1")).toBe("order:paid:1");
    expect(ids.get("a.b")).toBe("a%2Eb");
    expect(ids.get("%2E")).toBe("%252E");
  });

  it("that is short and plain stands in the ids of its deliveries, as ever", async () => {
    const outbox = await open();
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: "http://127.0.0.1:9/", secret }] });
    const { deliveries } = await manager.triggerEvent("cache.updated", {}, { id: "order-17" });
    expect(deliveries).toEqual([expect.stringMatching(/^dlv_order-17_[0-9a-f]{12}$/)]);
  });

  it("that comes again with the same event is a duplicate, and names the deliveries that there are", async () => {
    const outbox = await open();
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: "http://127.0.0.1:9/", secret }] });
    const first = await manager.triggerEvent("cache.updated", { a: 1, b: [2] }, { id: "order:1" });
    expect(first).not.toHaveProperty("duplicate");
    manager.addEndpoint({ id: "later", url: "http://127.0.0.1:9/later", secret });
    for (const data of [
      { a: 1, b: [2] },
      { b: [2], a: 1 },
    ]) {
      const again = await manager.triggerEvent("cache.updated", data, { id: "order:1" });
      expect(again).toEqual({ ...first, duplicate: true });
    }
    expect((await manager.find()).deliveries).toHaveLength(1);
  });

  it.each([
    ["another type", "cache.cleared", { total: 17 }, ["`cache.updated`", "`cache.cleared`"]],
    ["other data", "cache.updated", { total: 18 }, ["`cache.updated`", "other data"]],
  ])("that comes again with %s is refused, without a value in the message", async (_, type, data, words) => {
    const outbox = await open();
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: "http://127.0.0.1:9/", secret }] });
    await manager.triggerEvent("cache.updated", { total: 17 }, { id: "order:1" });
    const error: unknown = await manager.triggerEvent(type, data, { id: "order:1" }).catch((why) => why);
    expect(error).toMatchObject({ code: "EVENT_ID_REUSED", retryable: false });
    for (const word of words) expect(String(error)).toContain(word);
    expect(String(error)).not.toMatch(/1[78]/);
    expect((await manager.find()).deliveries).toHaveLength(1);
    const again = await manager.triggerEvent("cache.updated", { total: 17 }, { id: "order:1" });
    expect(again.duplicate).toBe(true);
  });
});

it("ids that only look alike are told apart wherever they are written otherwise", async () => {
  const endpoint = await testEndpoint();
  const manager = testManager({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
  await manager.start();
  const alike = ["a.b", "a%2Eb", "a%252Eb", ".".repeat(255), ".".repeat(254), `${".".repeat(254)}%`];
  const triggered = [];
  for (const id of alike) triggered.push(await manager.triggerEvent("cache.updated", {}, { id }));
  expect(new Set(triggered.flatMap(({ deliveries }) => deliveries)).size).toBe(alike.length);
  const requests = await endpoint.received(alike.length);
  const sent = requests.map(({ headers }) => String(headers["webhook-id"]));
  expect(new Set(sent).size).toBe(alike.length);
  for (const id of sent) expect(id).toMatch(/^[!-\-/-~]{1,255}$/);
});

it.each(["", "a b", "a\nb", "ключ", "x".repeat(256), "\u0000"])(
  "an id that no header can carry is refused: %j",
  async (id) => {
    await expect(testManager().triggerEvent("cache.updated", {}, { id })).rejects.toMatchObject({
      code: "EVENT_ID_INVALID",
      message: expect.stringContaining("1 to 255 visible ASCII characters"),
    });
  },
);

describe("an Idempotency-Key", () => {
  const body = { event_type: "cache.updated", data: { n: 1 } };

  it.each(["order:paid:1", "a.b", "order/123", "x".repeat(255)])("may be %s", async (key) => {
    const { url } = await serve({ endpoints: [{ url: (await testEndpoint()).url, secret }] });
    const send = () => post(`${url}/api/events`, body, { "idempotency-key": key });
    const [first, second] = [await send(), await send()];
    expect([first.status, first.json()]).toEqual([202, { id: key }]);
    expect([second.status, second.json()]).toEqual([202, { id: key, duplicate: true }]);
    const event = await ask(`${url}/api/events/${encodeURIComponent(key)}`);
    expect(event.json()).toMatchObject({ eventId: key, eventType: "cache.updated" });
  });

  it("in quotes is read as a structured field", async () => {
    const { url } = await serve();
    const answer = await post(`${url}/api/events`, body, { "idempotency-key": '"a\\"b\\\\c"' });
    expect(answer.json()).toEqual({ id: 'a"b\\c' });
  });

  it("of an event of another type, or with other data, is answered 409 with both types and no value", async () => {
    const { url } = await serve({ eventTypes: ["order.*"] });
    const send = (event: object) => post(`${url}/api/events`, event, { "idempotency-key": "order:1" });
    await send({ event_type: "order.paid", data: { total: 17 } });
    const otherType = await send({ event_type: "order.refunded", data: { total: 17 } });
    expect([otherType.status, otherType.json().error.code]).toEqual([409, "EVENT_ID_REUSED"]);
    expect(otherType.json().error.message).toMatch(/`order\.paid`.*`order\.refunded`/);
    const otherData = await send({ event_type: "order.paid", data: { total: 18 } });
    expect([otherData.status, otherData.json().error.code]).toEqual([409, "EVENT_ID_REUSED"]);
    expect(otherData.text + otherType.text).not.toMatch(/1[78]/);
  });

  it("tells numbers apart that JavaScript does not", async () => {
    const { url } = await serve();
    const send = (id: string) =>
      post(`${url}/api/events`, `{"event_type":"cache.updated","data":{"id":${id}}}`, {
        "idempotency-key": "k",
      });
    await send("9007199254740993");
    expect((await send("9007199254740993")).json()).toMatchObject({ duplicate: true });
    expect((await send("9007199254740992")).status).toBe(409);
  });
});
