/** What programs hand in that no compiler checks: used as meant, or refused by name with what would be right. */
import { checkUrl, memoryOutbox, WebhookManager, WebhookReceiver } from "mova-webhooks";
import { redisOutbox } from "mova-webhooks/outbox/redis";
import { memoryStore, redisStore } from "mova-webhooks/receiver";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { cloudEventsBinary, slack } from "mova-webhooks/transforms";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";

const url = "https://example.com/hook";

function refusal(code: string, ...parts: readonly string[]): unknown {
  const message = expect.stringMatching(new RegExp(parts.map(escape).join("[^]*")));
  return expect.objectContaining({ name: "WebhookError", code, message });
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

describe("a manager", () => {
  it.each<[options: object, code: string, ...parts: string[]]>([
    [{ plugins: ["validation"] }, "CONFIG_INVALID", "`plugins[0]`", "validation()", "got a text"],
    [{ plugins: "validation" }, "CONFIG_INVALID", "`plugins`", "a list of plugins"],
    [{ outbox: "sqlite" }, "CONFIG_INVALID", "`outbox`", "sqliteOutbox({ path })", "got a text"],
    [{ outbox: {} }, "CONFIG_INVALID", "`outbox`"],
    [{ network: { allow: "127.0.0.1" } }, "CONFIG_INVALID", "`network.allow`", "a list of addresses"],
    [{ network: { allow: ["localhost"] } }, "CONFIG_INVALID", "`network.allow[0]`", "a CIDR such as"],
    [{ network: ["10.0.0.0/8"] }, "CONFIG_INVALID", "`network`", "an object, got a list"],
    [{ network: { alow: [] } }, "CONFIG_INVALID", "In `network`", "did you mean `allow`"],
    [{ network: { lookup: "dns" } }, "CONFIG_INVALID", "`network.lookup`", "a function"],
    [{ enabled: "false" }, "CONFIG_INVALID", "`enabled`", "true or false, got a text"],
    [{ timeout: "5" }, "CONFIG_INVALID", "`timeout`", "seconds from 0.1 to 600"],
    [{ maxRetries: 1.5 }, "CONFIG_INVALID", "`maxRetries`", "a whole number from 0 to 100, got `1.5`"],
    [{ maxBodyBytes: "1048576" }, "CONFIG_INVALID", "`maxBodyBytes`", "from 1024 to 104857600"],
    [{ retention: { days: "1" } }, "CONFIG_INVALID", "`retention.days`", "from 0 to 36500"],
    [{ endpoints: {} }, "CONFIG_INVALID", "`endpoints`", "a list of endpoints, got an object"],
    [{ endpoints: [url] }, "CONFIG_INVALID", "`endpoints[0]`", "{ url, secret }, got a text"],
    [{ eventTypes: "order.*" }, "EVENT_TYPE_UNKNOWN", "`eventTypes`", "a list of event types"],
    [{ eventTypes: ["order"] }, "EVENT_TYPE_UNKNOWN", "`eventTypes[0]`", 'got `"order"`'],
    [{ secret: Buffer.from("key") }, "SECRET_INVALID", "`secret`", "got a Uint8Array"],
    [{ config: true }, "CONFIG_INVALID", "`config`", "a path, or false"],
    [{ logger: console.log }, "CONFIG_INVALID", "`logger`", "debug, info, warn and error"],
    [{ now: 5 }, "CONFIG_INVALID", "`now`", "a function"],
    [{ serve: true }, "CONFIG_INVALID", "unknown key `serve`"],
  ])("made with %j is refused", (options, code, ...parts) => {
    const make = (): unknown => new WebhookManager({ config: false, ...options } as never);
    expect(make).toThrow(refusal(code, ...parts));
  });

  it.each([null, "x", 5, [], new Map()])("made with %o itself is refused", (options) => {
    const make = (): unknown => new WebhookManager(options as never);
    expect(make).toThrow(refusal("CONFIG_INVALID", "`options` of `new WebhookManager()` to be an object"));
  });
});

describe("an endpoint", () => {
  it.each<[settings: object, code: string, ...parts: string[]]>([
    [{ id: 123 }, "ENDPOINT_INVALID", "`id`", "1 to 128 characters, got a number"],
    [{ id: true }, "ENDPOINT_INVALID", "`id`", "got a boolean"],
    [{ id: ["a"] }, "ENDPOINT_INVALID", "`id`", "got a list"],
    [{ url: undefined }, "ENDPOINT_INVALID", "`url`", "https://example.com/hook, got undefined"],
    [{ url: new URL(url) }, "ENDPOINT_INVALID", "`url`", "got a URL object"],
    [{ retrySchedule: "1,2" }, "ENDPOINT_INVALID", "`retrySchedule`", "a list of seconds, got a text"],
    [{ retrySchedule: 5 }, "ENDPOINT_INVALID", "`retrySchedule`", "a list of seconds, got a number"],
    [{ retrySchedule: [1, "2"] }, "ENDPOINT_INVALID", "`retrySchedule[1]`", "seconds from 0"],
    [{ eventTypes: "cache.*" }, "ENDPOINT_INVALID", "`eventTypes`", "a list of event types"],
    [{ eventTypes: [] }, "ENDPOINT_INVALID", "`eventTypes`", "left out for every type, got an empty list"],
    [{ filter: { "data.a": 1 } }, "ENDPOINT_INVALID", "`filter`", "a function, got an object"],
    [{ filter: "x" }, "ENDPOINT_INVALID", "`filter`", "a function, got a text"],
    [{ transform: "slack" }, "ENDPOINT_INVALID", "`transform`", "a function, got a text"],
    [{ headers: new Map([["a", "b"]]) }, "ENDPOINT_INVALID", "`headers`", "Headers object, got a Map"],
    [{ headers: [["a", "b"]] }, "ENDPOINT_INVALID", "`headers`", "got a list"],
    [{ headers: { "X-Tenant": 7 } }, "ENDPOINT_INVALID", "`headers.X-Tenant`", "a text, got a number"],
    [{ headers: { "X-A": "1", "x-a": "2" } }, "ENDPOINT_INVALID", "Header `x-a`", "twice"],
    [{ headers: { "User-Agent": "" } }, "ENDPOINT_INVALID", "Header `User-Agent`", "not be empty"],
    [{ statusRules: new Map() }, "ENDPOINT_INVALID", "`statusRules`", "a mapping of statuses", "got a Map"],
    [{ enabled: "false" }, "ENDPOINT_INVALID", "`enabled`", "true or false, got a text"],
    [{ circuitBreaker: true }, "ENDPOINT_INVALID", "`circuitBreaker`", "false, or an object"],
    [{ circuitBreaker: { wiat: 1 } }, "ENDPOINT_INVALID", "In `circuitBreaker`", "did you mean `wait`"],
    [{ batch: { maxEvents: 2 } }, "ENDPOINT_INVALID", "`batch.maxWaitSeconds`", "got undefined"],
    [{ secret: Buffer.from("key") }, "SECRET_INVALID", "`secret`", "got a Uint8Array"],
    [{ secret: 5 }, "SECRET_INVALID", "`secret`", "got a number"],
    [{ event_types: ["*"] }, "ENDPOINT_INVALID", "unknown key `event_types`; did you mean `eventTypes`"],
  ])("with %o is refused", (settings, code, ...parts) => {
    const add = (): void => testManager().addEndpoint({ url, secret, ...settings } as never);
    expect(add).toThrow(refusal(code, ...parts));
    const make = (): unknown => testManager({ endpoints: [{ url, secret, ...settings } as never] });
    expect(make).toThrow(refusal(code, ...parts));
  });

  it.each([undefined, null, "x", 5, [], new Map()])("that is %o is refused", (settings) => {
    expect(() => testManager().addEndpoint(settings as never)).toThrow(refusal("ENDPOINT_INVALID"));
  });

  it("takes a Headers object as the headers it holds", async () => {
    const receiver = await testEndpoint();
    const headers = new Headers({ "X-Tenant": "7", authorization: "Bearer x" });
    const manager = testManager({ endpoints: [{ url: receiver.url, secret, headers }] });
    await manager.start();
    await manager.triggerEvent("cache.updated", {});
    await manager.drain(5000);
    expect(receiver.requests[0]?.headers).toMatchObject({ "x-tenant": "7", authorization: "Bearer x" });
  });

  it("with the URL of another is told so, with what helps, and the URL's path stays hidden", () => {
    const endpoint = { url: "https://example.com/secret-path", secret };
    const make = (): unknown => testManager({ endpoints: [endpoint, endpoint] });
    expect(make).toThrow(refusal("ENDPOINT_INVALID", "the same URL at https://example.com", "an `id`"));
    expect(make).not.toThrow(/secret-path/);
  });
});

describe("an event type that nobody declares", () => {
  const wanting = (...eventTypes: string[]) => testManager({ endpoints: [{ url, secret, eventTypes }] });

  it("is refused at the start with the nearest names, as in a file", async () => {
    await expect(wanting("validaton.*").start()).rejects.toThrow(
      refusal("EVENT_TYPE_UNKNOWN", "no event type matches `validaton.*`; nearest are validation.*"),
    );
    await expect(wanting("*", "cache.updatd").start()).rejects.toThrow(
      refusal(
        "EVENT_TYPE_UNKNOWN",
        "nobody declares the event type `cache.updatd`; nearest are cache.updated",
      ),
    );
  });

  it("is taken where a plugin brings it before the start, or the program lists it", async () => {
    const events = { "parcels.moved": { summary: "A parcel moved.", example: {} } };
    const parcels = { contract: 1, name: "parcels", events, translate: {} } as const;
    const manager = wanting("parcels.moved", "parcels.*");
    manager.use(parcels);
    await expect(manager.start()).resolves.toBeUndefined();
    const listed = { endpoints: [{ url, secret, eventTypes: ["order.paid"] }], eventTypes: ["order.*"] };
    await expect(testManager(listed).start()).resolves.toBeUndefined();
  });

  it("is refused at once where the manager has started", async () => {
    const manager = testManager();
    await manager.start();
    const add = (type: string) => () => manager.addEndpoint({ url, secret, eventTypes: [type] });
    expect(add("cache.updatd")).toThrow(refusal("EVENT_TYPE_UNKNOWN", "cache.updated"));
    expect(manager.getEndpoints()).toEqual([]);
    expect(add("cache.updated")).not.toThrow();
  });
});

describe("a call", () => {
  type Call = (manager: Record<string, (...given: readonly unknown[]) => unknown>) => unknown;

  it.each<[call: Call, code: string, ...parts: string[]]>([
    [(m) => m["triggerEvent"]?.(), "EVENT_TYPE_UNKNOWN", "`type` of `triggerEvent()`", "got undefined"],
    [(m) => m["triggerEvent"]?.(5), "EVENT_TYPE_UNKNOWN", "`type`", "got a number"],
    [(m) => m["triggerEvent"]?.("cache.updated", {}, null), "CONFIG_INVALID", "`options`", "got null"],
    [(m) => m["triggerEvent"]?.("cache.updated", {}, { idd: "x" }), "CONFIG_INVALID", "did you mean `id`"],
    [
      (m) => m["triggerEvent"]?.("cache.updated", {}, { eventId: "x" }),
      "CONFIG_INVALID",
      "did you mean `id`",
    ],
    [
      (m) => m["triggerEvent"]?.("cache.updated", {}, { idempotencyKey: "x" }),
      "CONFIG_INVALID",
      "unknown key",
    ],
    [
      (m) => m["triggerEvent"]?.("cache.updated", {}, { id: 1001 }),
      "EVENT_ID_INVALID",
      "`id`",
      "got a number",
    ],
    [(m) => m["triggerEvent"]?.("cache.updated", {}, { id: true }), "EVENT_ID_INVALID", "got a boolean"],
    [(m) => m["triggerEvent"]?.("cache.updated", {}, { id: ["a"] }), "EVENT_ID_INVALID", "got a list"],
    [(m) => m["triggerEvent"]?.("cache.updated", {}, { id: "a b" }), "EVENT_ID_INVALID", "1 to 255 visible"],
    [(m) => m["addEventHandler"]?.(5, () => {}), "EVENT_TYPE_UNKNOWN", "`type`", "got a number"],
    [(m) => m["addEventHandler"]?.("*", "handler"), "CONFIG_INVALID", "`handler`", "a function"],
    [(m) => m["setEnabled"]?.("false"), "CONFIG_INVALID", "`on` of `setEnabled()`", "true or false"],
    [(m) => m["setEndpointEnabled"]?.("a", "no"), "CONFIG_INVALID", "`enabled`", "true or false"],
    [(m) => m["enableEndpoint"]?.("a", { replai: true }), "CONFIG_INVALID", "did you mean `replay`"],
    [(m) => m["removeEndpoint"]?.(5), "CONFIG_INVALID", "`urlOrId`", "got a number"],
    [(m) => m["find"]?.({ limit: -1 }), "CONFIG_INVALID", "`limit`", "a whole number from 1, got `-1`"],
    [(m) => m["find"]?.({ limit: "5" }), "CONFIG_INVALID", 'a whole number from 1, got `"5"`'],
    [(m) => m["find"]?.(null), "CONFIG_INVALID", "`options` of `find()`", "got null"],
    [(m) => m["get"]?.({}), "CONFIG_INVALID", "`deliveryId`", "got an object"],
    [(m) => m["explain"]?.(5), "CONFIG_INVALID", "`eventId`", "got a number"],
    [(m) => m["drain"]?.("1s"), "CONFIG_INVALID", "`deadlineMs`", "milliseconds from 0"],
    [(m) => m["use"]?.("cache"), "PLUGIN_INVALID", "definePlugin"],
  ])("%s is refused", async (call, code, ...parts) => {
    const manager = testManager() as never;
    await expect((async () => call(manager))()).rejects.toThrow(refusal(code, ...parts));
  });
});

describe("an option of what stands beside a manager", () => {
  it.each<[make: () => unknown, code: string, ...parts: string[]]>([
    [() => sqliteOutbox({ pth: "x" } as never), "CONFIG_INVALID", "unknown key `pth`; did you mean `path`"],
    [() => sqliteOutbox({ path: 5 } as never), "CONFIG_INVALID", "`path`", "a path, got a number"],
    [() => sqliteOutbox(undefined as never), "CONFIG_INVALID", "got undefined"],
    [() => memoryOutbox({ maxDeliveries: "5" } as never), "CONFIG_INVALID", "`maxDeliveries`"],
    [() => redisOutbox({ prefix: 5 } as never), "CONFIG_INVALID", "`prefix`", "got a number"],
    [() => redisOutbox({ connection: [] } as never), "CONFIG_INVALID", "`connection`", "got a list"],
    [() => new WebhookReceiver({ secret: 5 } as never), "SECRET_INVALID", "`secret` of the receiver"],
    [() => new WebhookReceiver(undefined as never), "CONFIG_INVALID", "got undefined"],
    [() => new WebhookReceiver({ secret, store: {} } as never), "CONFIG_INVALID", "`store`", "memoryStore()"],
    [
      () => new WebhookReceiver({ secret, maxBytse: 5 } as never),
      "CONFIG_INVALID",
      "did you mean `maxBytes`",
    ],
    [() => memoryStore({ retention: "1" } as never), "CONFIG_INVALID", "`retention` of `memoryStore()`"],
    [() => redisStore({ client: {} } as never), "CONFIG_INVALID", "`client`", "ioredis or node-redis"],
    [() => slack({ text: "hello" } as never), "CONFIG_INVALID", "`text` of `slack()`", "a function"],
    [() => cloudEventsBinary({ prefix: "x" } as never), "CONFIG_INVALID", "did you mean `typePrefix`"],
    [() => checkUrl(url, { allow: "10.0.0.0/8" } as never), "CONFIG_INVALID", "`network.allow`", "a list"],
  ])("%s is refused", async (make, code, ...parts) => {
    await expect((async () => make())()).rejects.toThrow(refusal(code, ...parts));
  });
});
