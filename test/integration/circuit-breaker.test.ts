/** What happens around an endpoint that fails: the breaker, the switching off, the news of it, and the way back. */
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { type Logger, memoryOutbox, type WebhookEndpoint, type WebhookManager } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** A clock that stands still until it is moved, and the lines that were logged. */
function frozen() {
  const state = {
    at: Date.parse("2026-01-01T00:00:00Z"),
    lines: [] as { message: string; fields: object }[],
  };
  const write = (fields: object, message: string): void => void state.lines.push({ message, fields });
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  const now = (): number => state.at;
  return {
    options: { now, logger, random: () => 0.5, outbox: memoryOutbox({ now }) },
    pass: (seconds: number): void => void (state.at += seconds * 1000),
    now,
    lines: (message: string): object[] =>
      state.lines.filter((line) => line.message === message).map(({ fields }) => fields),
  };
}

async function managerWith(
  clock: ReturnType<typeof frozen>,
  ...endpoints: WebhookEndpoint[]
): Promise<WebhookManager> {
  const manager = testManager({ ...clock.options, endpoints });
  await manager.start();
  return manager;
}

const circuitOf = (manager: WebhookManager): string | undefined => manager.getEndpoints()[0]?.circuit;

const circuitGauge = async (manager: WebhookManager): Promise<string | undefined> =>
  /mova_webhook_circuit_state\{endpoint="ops"\} (\d)/.exec(await manager.registry.metrics())?.[1];

const untilState = (manager: WebhookManager, deliveryId: string | undefined, state: string): Promise<void> =>
  until(async () => (await manager.get(deliveryId ?? ""))?.state === state);

describe("an endpoint that fails again and again", () => {
  it("is left alone, spends no retries meanwhile, is probed by one delivery, and then gets everything", async () => {
    const clock = frozen();
    const server = await testEndpoint(503);
    const ops = { id: "ops", url: server.url, secret, retries: 100, retrySchedule: [0] };
    const manager = await managerWith(clock, ops);
    await manager.triggerEvent("cache.updated", { n: 0 });
    await until(() => circuitOf(manager) === "open");
    const ids: string[] = [];
    for (let n = 1; n <= 10; n += 1) ids.push((await manager.triggerEvent("cache.updated", { n })).id);
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests).toHaveLength(5);
    expect(await circuitGauge(manager)).toBe("2");
    const waiting = (await manager.explain(ids[0] ?? ""))?.endpoints[0];
    expect(waiting).toMatchObject({ verdict: "waiting", reason: "circuit open", attempts: 0 });
    expect(waiting?.until).toBe(clock.now() + 750);

    const held: ServerResponse[] = [];
    server.answerWith((_, response) => void held.push(response));
    clock.pass(0.75);
    for (let n = 11; n <= 20; n += 1) ids.push((await manager.triggerEvent("cache.updated", { n })).id);
    await server.received(6);
    expect(await circuitGauge(manager)).toBe("1");
    expect((await manager.explain(ids[5] ?? ""))?.endpoints[0]?.reason).toBe("circuit half-open");
    server.answerWith(200);
    expect(server.requests).toHaveLength(6);
    held[0]?.writeHead(200).end();
    expect(await manager.drain(10_000)).toBe(true);
    expect(server.requests).toHaveLength(26);
    expect((await manager.find({ state: "delivered" })).deliveries).toHaveLength(21);
    const spent = (await manager.find({ state: "delivered" })).deliveries.map(
      ({ attempts }) => attempts.length,
    );
    expect(spent.toSorted((one, other) => other - one).slice(0, 2)).toEqual([6, 1]);
    expect(await circuitGauge(manager)).toBe("0");
    expect(clock.lines("circuit.changed")).toEqual([
      { endpoint_id: "ops", state: "open", until: "2026-01-01T00:00:00.750Z" },
      { endpoint_id: "ops", state: "half_open" },
      { endpoint_id: "ops", state: "closed" },
    ]);
  });

  it("is left alone for longer when its probe fails", async () => {
    const clock = frozen();
    const server = await testEndpoint(503);
    const ops = { id: "ops", url: server.url, secret, retries: 100, retrySchedule: [0] };
    const manager = await managerWith(clock, ops);
    await manager.triggerEvent("cache.updated", {});
    await until(() => circuitOf(manager) === "open");
    clock.pass(0.75);
    const { id } = await manager.triggerEvent("cache.updated", {});
    await server.received(6);
    await until(() => circuitOf(manager) === "open");
    expect((await manager.explain(id))?.endpoints[0]?.until).toBe(clock.now() + 1500);
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests).toHaveLength(6);
  });

  it("is left alone and spoken of where it fails four times of five, though never often in a row", async () => {
    const clock = frozen();
    const server = await testEndpoint((_, response, count) =>
      response.writeHead(count % 5 === 0 ? 200 : 503).end(),
    );
    const circuitBreaker = { failureRate: 0.5, window: 60, minimum: 10 };
    const ops = { id: "ops", url: server.url, secret, concurrency: 1, retries: 0, circuitBreaker };
    const manager = await managerWith(clock, ops);
    for (let n = 0; n < 30; n += 1) await manager.triggerEvent("cache.updated", { n });
    await until(() => circuitOf(manager) === "open");
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests).toHaveLength(11);
    expect(clock.lines("endpoint.failing")).toEqual([
      { endpoint_id: "ops", failure_rate: 9 / 11, since: "2025-12-31T23:59:00.000Z" },
    ]);
  });

  it("recovers by itself, without anything new to send", async () => {
    const server = await testEndpoint((_, response, count) =>
      response.writeHead(count < 8 ? 503 : 200).end(),
    );
    const manager = testManager({
      endpoints: [
        {
          url: server.url,
          secret,
          retries: 100,
          retrySchedule: [0],
          circuitBreaker: { wait: 0.01, maxWait: 0.02 },
        },
      ],
    });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await untilState(manager, deliveries[0], "delivered");
    expect(server.requests).toHaveLength(8);
  });

  it("with client errors only is not left alone: one bad message does not hold up the others", async () => {
    const clock = frozen();
    const server = await testEndpoint(422);
    const manager = await managerWith(clock, { id: "ops", url: server.url, secret });
    for (let n = 0; n < 20; n += 1) await manager.triggerEvent("cache.updated", { n });
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests).toHaveLength(20);
    expect(clock.lines("circuit.changed")).toEqual([]);
  });
});

describe("what an endpoint says of itself", () => {
  it("`webhook-delivery: disable` switches it off, also with a success", async () => {
    const server = await testEndpoint((_, response) =>
      response.writeHead(200, { "webhook-delivery": "disable" }).end(),
    );
    const manager = testManager({ endpoints: [{ id: "ops", url: server.url, secret }] });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await until(() => manager.getEndpoints()[0]?.enabled === false);
    expect(manager.getEndpoints()[0]?.reason).toBe("webhook-delivery: disable");
    await untilState(manager, deliveries[0], "delivered");
  });

  it("`webhook-delivery: abort-message` ends the retries of one delivery", async () => {
    const server = await testEndpoint((_, response) =>
      response.writeHead(503, { "webhook-delivery": "abort-message" }).end(),
    );
    const manager = testManager({ endpoints: [{ id: "ops", url: server.url, secret }] });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await untilState(manager, deliveries[0], "dead");
    const delivery = await manager.get(deliveries[0] ?? "");
    expect(delivery?.reason).toBe("webhook-delivery: abort-message");
    expect(server.requests).toHaveLength(1);
    expect(manager.getEndpoints()[0]?.enabled).toBe(true);
  });

  it("means what the endpoint's status rules make of it", async () => {
    const statuses = [404, 409, 503];
    const server = await testEndpoint((_, response, count) =>
      response.writeHead(statuses[count - 1] ?? 200).end(),
    );
    const statusRules = { "404": "retry", "409": "delivered", "5xx": "dead" } as const;
    const manager = testManager({
      endpoints: [{ url: server.url, secret, concurrency: 1, retrySchedule: [0.001], statusRules }],
    });
    await manager.start();
    const { deliveries: first } = await manager.triggerEvent("cache.updated", {});
    await untilState(manager, first[0], "delivered");
    const { deliveries: second } = await manager.triggerEvent("cache.updated", {});
    await untilState(manager, second[0], "dead");
    expect(server.requests).toHaveLength(3);
  });
});

describe("an endpoint that fails for days", () => {
  const hour = 3600;

  it("is warned of, switched off, announced to the others, and gets what it missed when it is back", async () => {
    const clock = frozen();
    const server = await testEndpoint(200);
    const alerts = await testEndpoint();
    const manager = await managerWith(
      clock,
      { id: "ops", url: server.url, secret, retries: 0, disableAfter: 100 * hour },
      { id: "alerts", url: alerts.url, secret, eventTypes: ["endpoint.*"] },
    );
    async function fire(state: "delivered" | "dead"): Promise<string> {
      const { deliveries } = await manager.triggerEvent("cache.updated", {});
      await untilState(manager, deliveries[0], state);
      return deliveries[0] ?? "";
    }
    server.answerWith(500);
    const before = await fire("dead");
    server.answerWith(200);
    await fire("delivered");
    clock.pass(hour);
    server.answerWith(404);
    const missed = [await fire("dead")];
    const since = clock.now();
    for (let hours = 0; hours < 100; hours += 10) {
      clock.pass(10 * hour);
      missed.push(await fire("dead"));
    }
    expect(manager.getEndpoints()[0]).toMatchObject({
      enabled: false,
      reason: "nothing but failure since 2026-01-01T01:00:00.000Z",
    });
    expect(clock.lines("endpoint.failing")).toMatchObject([
      { endpoint_id: "ops", percent: 50, since: "2026-01-01T01:00:00.000Z" },
      { percent: 70 },
      { percent: 90, disable_at: new Date(since + 100 * hour * 1000).toISOString() },
    ]);
    const [news] = await alerts.received(1);
    expect(news?.headers["x-mova-event"]).toBe("endpoint.disabled");
    expect(JSON.parse(String(news?.body))).toMatchObject({
      event_type: "endpoint.disabled",
      data: {
        endpoint_id: "ops",
        reason: "nothing but failure since 2026-01-01T01:00:00.000Z",
        failing_since: "2026-01-01T01:00:00.000Z",
      },
    });
    const { id } = await manager.triggerEvent("cache.updated", {});
    expect((await manager.explain(id))?.endpoints[0]?.reason).toBe("the endpoint was disabled");

    server.answerWith(200);
    const got = server.requests.length;
    const replayed = await manager.enableEndpoint("ops", { replay: true });
    // And what came while it was off: the news of that, and the event before.
    expect(replayed).toEqual(expect.arrayContaining(missed));
    expect(replayed).toHaveLength(missed.length + 2);
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests).toHaveLength(got + missed.length + 2);
    expect((await manager.get(before))?.state).toBe("dead");
    expect(manager.getEndpoints()[0]?.enabled).toBe(true);
    expect(alerts.requests).toHaveLength(1);
  });

  it("that is switched on without replay gets only what waited for it", async () => {
    const clock = frozen();
    const server = await testEndpoint(410);
    const manager = await managerWith(clock, { id: "ops", url: server.url, secret, concurrency: 1 });
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await until(() => manager.getEndpoints()[0]?.enabled === false);
    server.answerWith(200);
    expect(await manager.enableEndpoint("nobody")).toBeUndefined();
    expect(await manager.enableEndpoint("ops")).toEqual([]);
    expect(await manager.drain(5000)).toBe(true);
    expect((await manager.get(deliveries[0] ?? ""))?.state).toBe("dead");
    expect(server.requests).toHaveLength(1);
  });

  it("gets with replay what died since its last success, also where it was never switched off", async () => {
    const clock = frozen();
    const server = await testEndpoint(400);
    const manager = await managerWith(clock, { id: "ops", url: server.url, secret });
    async function fire(state: "delivered" | "dead"): Promise<string> {
      const { deliveries } = await manager.triggerEvent("cache.updated", {});
      await untilState(manager, deliveries[0], state);
      clock.pass(1);
      return deliveries[0] ?? "";
    }
    const before = await fire("dead");
    server.answerWith(200);
    await fire("delivered");
    server.answerWith(400);
    const missed = [await fire("dead"), await fire("dead")];
    server.answerWith(200);
    expect((await manager.enableEndpoint("ops", { replay: true }))?.toSorted()).toEqual(missed.toSorted());
    for (const id of missed) await untilState(manager, id, "delivered");
    expect((await manager.get(before))?.state).toBe("dead");
    expect(await manager.enableEndpoint("ops", { replay: true })).toEqual([]);
  });

  it("gets with replay what died before it was switched off, though an attempt then under way succeeded", async () => {
    const clock = frozen();
    const held: ServerResponse[] = [];
    const server = await testEndpoint((_, response) => void held.push(response));
    const manager = await managerWith(clock, { id: "ops", url: server.url, secret });
    const { deliveries: refused } = await manager.triggerEvent("cache.updated", {});
    await until(() => held.length === 1);
    const { deliveries: taken } = await manager.triggerEvent("cache.updated", {});
    await until(() => held.length === 2);
    held[0]?.writeHead(410).end();
    await untilState(manager, refused[0], "dead");
    clock.pass(1);
    held[1]?.writeHead(200).end();
    await untilState(manager, taken[0], "delivered");
    expect(manager.getEndpoints()[0]?.enabled).toBe(false);
    server.answerWith(200);
    expect(await manager.enableEndpoint("ops", { replay: true })).toEqual(refused);
  });

  it.skipIf(!sqliteLoads)("gets with replay what it missed before its process was restarted", async () => {
    const { sqliteOutbox } = await import("../../src/outbox/sqlite/index.ts");
    const folder = temporaryFolder();
    const server = await testEndpoint(410);
    const start = async (): Promise<WebhookManager> => {
      const outbox = sqliteOutbox({ path: join(folder, "outbox.db") });
      const manager = testManager({ outbox, endpoints: [{ id: "ops", url: server.url, secret }] });
      await manager.start();
      return manager;
    };
    const first = await start();
    const { deliveries } = await first.triggerEvent("cache.updated", {});
    await untilState(first, deliveries[0], "dead");
    await first.close();
    server.answerWith(200);
    const second = await start();
    expect(await second.enableEndpoint("ops", { replay: true })).toEqual(deliveries);
    await untilState(second, deliveries[0], "delivered");
    await second.close();
  });

  it("is news that cannot bring forth more news, when whoever hears of it is switched off by it", async () => {
    const broken = await testEndpoint(410);
    const alerts = await testEndpoint(410);
    const audit = await testEndpoint();
    const manager = testManager({
      endpoints: [
        { id: "ops", url: broken.url, secret, eventTypes: ["cache.*"] },
        { id: "alerts", url: alerts.url, secret, eventTypes: ["endpoint.disabled"] },
        { id: "audit", url: audit.url, secret, eventTypes: ["*"] },
      ],
    });
    await manager.start();
    await manager.triggerEvent("cache.updated", {});
    await until(() => manager.getEndpoints().filter(({ enabled }) => !enabled).length === 2);
    expect(await manager.drain(5000)).toBe(true);
    const news = audit.requests.filter(({ headers }) => headers["x-mova-event"] === "endpoint.disabled");
    expect(news.map(({ body }) => JSON.parse(String(body)).data.endpoint_id)).toEqual(["ops"]);
    expect(broken.requests).toHaveLength(1);
  });

  it("is told to a handler in the program, though no endpoint wants it", async () => {
    const server = await testEndpoint(410);
    const manager = testManager({
      endpoints: [{ id: "ops", url: server.url, secret, eventTypes: ["cache.*"] }],
    });
    const heard: unknown[] = [];
    manager.addEventHandler("endpoint.disabled", ({ data }) => heard.push(data));
    await manager.start();
    await manager.triggerEvent("cache.updated", {});
    await until(() => heard.length > 0);
    expect(heard).toMatchObject([{ endpoint_id: "ops", reason: "http_410" }]);
  });
});

it("tells the schedule of an endpoint", () => {
  const manager = testManager({
    endpoints: [{ id: "ops", url: "https://example.com", secret, retrySchedule: [5] }],
  });
  expect(manager.scheduleOf("ops")).toEqual([
    { attempt: 1, earliestMs: 0, latestMs: 0 },
    { attempt: 2, earliestMs: 5000, latestMs: 35_500 },
  ]);
  expect(manager.scheduleOf("nobody")).toBeUndefined();
});
