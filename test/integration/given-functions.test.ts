/** Functions of the program: what they edit, throw or promise reaches nobody else, and is counted, logged and explained. */
import { type Logger, memoryOutbox, type WebhookManager, type WebhookManagerOptions } from "mova-webhooks";
import type { FakeEndpoint } from "mova-webhooks/testing";
import { expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

const own = { id: "x", total: 7, lines: [{ sku: "a" }] };
const plain = { eventTypes: ["order.*"] };

function orderOf(data: unknown): typeof own {
  return data as typeof own;
}

function logOf(): { readonly lines: [string, Record<string, unknown>][]; readonly logger: Logger } {
  const lines: [string, Record<string, unknown>][] = [];
  const write = (fields: object, message: string): void => void lines.push([message, { ...fields }]);
  return { lines, logger: { debug: write, info: write, warn: write, error: write } };
}

async function started(options: WebhookManagerOptions): Promise<WebhookManager> {
  const manager = testManager({ ...plain, ...options });
  await manager.start();
  return manager;
}

function dataSent({ requests }: FakeEndpoint): unknown[] {
  return requests.map(({ body }) => (JSON.parse(body.toString()) as { data: unknown }).data);
}

it("an edit in a filter, transform or handler reaches neither other endpoints nor the caller", async () => {
  const [first, second, third] = [await testEndpoint(), await testEndpoint(), await testEndpoint()];
  function spoil(data: unknown): true {
    const order = orderOf(data);
    order.total = 0;
    order.lines.push({ sku: "spoilt" });
    return true;
  }
  const seen: unknown[] = [];
  const manager = await started({
    endpoints: [
      { id: "first", url: first.url, secret, filter: ({ data }) => spoil(data) },
      {
        ...{ id: "second", url: second.url, secret },
        transform: ({ data }) => ({ body: { data: { spoilt: spoil(data) } } }),
      },
      {
        ...{ id: "third", url: third.url, secret },
        filter: ({ data }) => orderOf(data).lines.length === 1,
      },
    ],
  });
  for (let n = 0; n < 2; n += 1) {
    manager.addEventHandler("order.*", ({ data }) => {
      seen.push(structuredClone(data));
      spoil(data);
    });
  }
  const given = structuredClone(own);
  await manager.triggerEvent("order.paid", given);
  expect(given).toEqual(own);
  expect(seen).toEqual([own, own]);
  expect(await manager.drain(5000)).toBe(true);
  expect([first, second, third].map(dataSent)).toEqual([[own], [{ spoilt: true }], [own]]);
});

it("an edit in a handler does not reach what a plugin's or another's event is made of", async () => {
  const manager = await started({});
  const seen: unknown[] = [];
  const context = { order: { id: 1 } };
  for (let n = 0; n < 2; n += 1) {
    manager.addEventHandler("error.occurred", ({ data }) => {
      const told = (data as { context: typeof context }).context;
      seen.push(structuredClone(told));
      told.order.id = 2;
    });
  }
  manager.reportError(new Error("x"), context);
  await until(() => seen.length === 2);
  expect(context).toEqual({ order: { id: 1 } });
  expect(seen).toEqual([context, context]);
});

it("of an endpoint without functions the event is never parsed", async () => {
  const server = await testEndpoint();
  const manager = await started({ endpoints: [{ id: "ops", url: server.url, secret }] });
  const parse = JSON.parse;
  const parsed: string[] = [];
  JSON.parse = (text: string, ...rest): unknown => {
    parsed.push(text);
    return parse(text, ...rest) as unknown;
  };
  try {
    await manager.triggerEvent("order.paid", own);
    expect(await manager.drain(5000)).toBe(true);
  } finally {
    JSON.parse = parse;
  }
  expect(server.requests).toHaveLength(1);
  expect(parsed.filter((text) => text.includes("order.paid"))).toEqual([]);
});

const failing = {
  throws: () => {
    throw new TypeError("own reason");
  },
  promises: async () => false,
  rejects: async () => {
    throw new TypeError("own reason");
  },
};

function noTrap(): never {
  throw new TypeError("own reason");
}

const failingToAnswer = {
  ...failing,
  generates: function* generate() {
    yield false;
  },
  "generates with time": async function* generate() {
    yield false;
  },
  "throws what cannot be read": () => {
    throw new Proxy({}, { get: noTrap, getPrototypeOf: noTrap });
  },
  "throws with places instead of a stack": () => {
    throw Object.assign(new TypeError("own reason"), { stack: [{}] });
  },
};

it.each(Object.entries(failingToAnswer))(
  "a filter that %s keeps the event from its endpoint alone, and is counted, logged and explained",
  async (_, filter) => {
    const server = await testEndpoint();
    const { lines, logger } = logOf();
    const manager = await started({
      logger,
      endpoints: [
        { id: "ops", url: server.url, secret, filter: filter as unknown as () => boolean },
        { id: "other", url: `${server.url}/other`, secret },
      ],
    });
    const { id } = await manager.triggerEvent("order.paid", own);
    await manager.triggerEvent("order.paid", own);
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests.map(({ path }) => path)).toEqual(["/hook/other", "/hook/other"]);
    expect((await manager.explain(id))?.endpoints).toContainEqual({
      ...{ endpointId: "ops", verdict: "not_routed" },
      reason: "the endpoint's filter threw, or did not answer at once",
    });
    expect(await manager.registry.metrics()).toContain(
      'mova_webhook_events_dropped_total{source="api",reason="filter_failed"} 2',
    );
    const dropped = lines.filter(([message]) => message === "event.dropped");
    expect(dropped).toMatchObject([
      ["event.dropped", { reason: "filter_failed", endpoint_id: "ops", count: 1 }],
    ]);
    expect(JSON.stringify(dropped)).not.toContain("own reason");
  },
);

it.each(Object.entries(failingToAnswer))(
  "a transform that %s is refused in the same way",
  async (_, transform) => {
    const server = await testEndpoint();
    const endpoint = { id: "ops", url: server.url, secret, transform: transform as never };
    const manager = await started({ endpoints: [endpoint] });
    const { id } = await manager.triggerEvent("order.paid", own);
    const reason = "the endpoint's transform threw, or did not answer at once";
    expect((await manager.explain(id))?.endpoints).toEqual([
      { endpointId: "ops", verdict: "not_routed", reason },
    ]);
    expect(await manager.registry.metrics()).toContain(
      'mova_webhook_events_dropped_total{source="api",reason="transform_failed"} 1',
    );
  },
);

it("a handler that fails again and again is counted each time, and logged once", async () => {
  const { lines, logger } = logOf();
  const manager = await started({ logger });
  manager.addEventHandler("order.*", failing.rejects);
  for (let n = 0; n < 20; n += 1) await manager.triggerEvent("order.paid", own);
  expect(lines.filter(([message]) => message === "event handler failed")).toHaveLength(1);
  expect(await manager.registry.metrics()).toContain(
    'mova_webhook_function_errors_total{function="handler"} 20',
  );
});

it.each(Object.entries(failing))(
  "a logger that %s ends nothing, not even the constructor",
  async (_, given) => {
    const say = given as () => void;
    const server = await testEndpoint();
    const logger: Logger = { debug: say, info: say, warn: say, error: say };
    const endpoints = [{ id: "ops", url: server.url, secret: "short" }];
    const manager = await started({ logger, endpoints });
    manager.addEventHandler("order.*", failing.throws);
    await manager.triggerEvent("order.paid", own);
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests).toHaveLength(1);
    const counted = (await manager.registry.metrics()).includes('function_errors_total{function="logger"}');
    expect(counted).toBe(given !== failing.promises);
  },
);

it("a clock or chance that throws, promises or gives what is none is replaced by ours, counted and logged", async () => {
  const server = await testEndpoint(500);
  const { lines, logger } = logOf();
  let turn = 0;
  const wrong = (): never => {
    turn += 1;
    if (turn % 3 === 0) throw new TypeError("own reason");
    return (turn % 3 === 1 ? Number.NaN : failing.rejects()) as never;
  };
  const endpoints = [{ id: "ops", url: server.url, secret }];
  const manager = await started({ logger, now: wrong, random: wrong, endpoints, outbox: memoryOutbox() });
  const before = Date.now();
  const { id } = await manager.triggerEvent("order.paid", own);
  await expect
    .poll(async () => (await manager.find({ state: "pending" })).deliveries[0]?.attempts.length)
    .toBe(1);
  const [delivery] = (await manager.find({ eventId: id })).deliveries;
  expect(delivery?.dueAt).toBeGreaterThan(before);
  const metrics = await manager.registry.metrics();
  expect(metrics).toMatch(/function_errors_total\{function="now"\} \d+/);
  expect(metrics).toMatch(/function_errors_total\{function="random"\} \d+/);
  const told = lines.filter(([message]) => message === "function.failed");
  expect(new Set(told.map(([, fields]) => fields["function"]))).toEqual(new Set(["now", "random"]));
});

it.each([-1e300, 1e300, -1])(
  "a clock that says %d, which no date can be written of, is replaced by ours",
  async (ms) => {
    const server = await testEndpoint();
    const manager = await started({ now: () => ms, endpoints: [{ id: "ops", url: server.url, secret }] });
    await manager.triggerEvent("order.paid", own);
    expect(await manager.drain(5000)).toBe(true);
    expect(server.requests).toHaveLength(1);
    expect(await manager.registry.metrics()).toMatch(/function_errors_total\{function="now"\} \d+/);
  },
);

type Lookup = NonNullable<NonNullable<WebhookManagerOptions["network"]>["lookup"]>;
type Answering = (name: string, options: object, done: (...answer: unknown[]) => void) => unknown;

const lookups: Readonly<Record<string, Answering>> = {
  throws: failing.throws,
  rejects: failing.rejects,
  "never calls back": () => undefined,
  "gives nonsense": (_name, _options, done) => done(null, [{ address: 42 }, null]),
  "gives nothing": (_name, _options, done) => done(null),
  "gives a name": (_name, _options, done) => done(null, "not-an-address"),
  "fails with what is no error": (_name, _options, done) => done("down"),
};

it.each(Object.entries(lookups))("a lookup that %s is a dns outcome", async (_, lookup) => {
  const network = { lookup: lookup as unknown as Lookup, allow: ["127.0.0.0/8"] };
  const endpoint = { id: "ops", url: "https://hooks.test/x", secret, retries: 0, timeout: 0.4 };
  const manager = await started({ network, endpoints: [endpoint] });
  const { deliveries } = await manager.triggerEvent("order.paid", own);
  expect(await manager.drain(5000)).toBe(true);
  expect(await manager.get(deliveries[0] ?? "")).toMatchObject({
    attempts: [{ outcome: "dns" }],
    state: "dead",
  });
});

it("a lookup that calls back twice is heard once", async () => {
  const server = await testEndpoint();
  const twice: Answering = (_name, _options, done) => {
    done(null, "127.0.0.1", 4);
    done(new Error("late"));
  };
  const network = { lookup: twice as unknown as Lookup, allow: ["127.0.0.0/8"], requireHttps: false };
  const url = server.url.replace("127.0.0.1", "hooks.test");
  const manager = await started({ network, endpoints: [{ id: "ops", url, secret }] });
  await manager.triggerEvent("order.paid", own);
  expect(await manager.drain(5000)).toBe(true);
  expect(server.requests).toHaveLength(1);
});
