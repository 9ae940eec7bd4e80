import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  addWebhookEndpoint,
  getWebhookManager,
  removeWebhookEndpoint,
  setWebhookManager,
  triggerErrorOccurred,
  triggerValidationStarted,
  WebhookManager,
} from "mova-webhooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function writeConfig(text: string): string {
  const path = join(folder, "mova.config.yaml");
  writeFileSync(path, text);
  return path;
}

describe("settings", () => {
  it("from the file are won over by the environment, and both by code", () => {
    const path = writeConfig(`
webhook:
  timeout: 10
  max_retries: 7
  secret: the secret of the file
  endpoints:
    - { id: filed, url: https://filed.example.com/ }
    - { id: both, url: https://filed.example.com/both }
`);
    vi.stubEnv("MOVA_WEBHOOK_MAX_RETRIES", "5");
    const manager = testManager({
      config: path,
      timeout: 3,
      endpoints: [{ id: "both", url: "https://coded.example.com/" }],
    });
    expect(manager.getEndpoints()).toMatchObject([
      { id: "filed", url: "https://filed.example.com/", timeout: 3, retries: 5 },
      { id: "both", url: "https://coded.example.com/", timeout: 3, retries: 5 },
    ]);
  });

  it("that are wrong are answered with file, line, column and what would be right, and nothing starts", () => {
    const path = writeConfig("webhook:\n  timeout: soon\n  endpoints:\n    - ulr: https://example.com\n");
    expect(() => new WebhookManager({ config: path })).toThrow(
      /mova\.config\.yaml:2:12[^]*mova\.config\.yaml:4:7[^]*url/,
    );
  });

  it("load plugins by built-in name and by path", async () => {
    const endpoint = await testEndpoint();
    writeFileSync(
      join(folder, "orders.mjs"),
      `export default (options) => ({ contract: 1, name: "orders", events: { "orders.paid": { summary: "Paid.", example: {} } },
        translate: { "orders:paid": ({ id }) => ({ type: "orders.paid", data: { id, shop: options.shop } }) } });`,
    );
    const path = writeConfig(`
webhook:
  endpoints: [{ url: "${endpoint.url}", secret: ${secret} }]
  plugins: [cache, { use: ./orders.mjs, options: { shop: north } }]
`);
    const manager = testManager({ config: path });
    await manager.start();
    manager.bus.publish("orders:paid" as never, { id: "A-1" } as never);
    const [request] = await endpoint.received(1);
    expect(JSON.parse(request?.body.toString() ?? "")).toMatchObject({ data: { id: "A-1", shop: "north" } });
    await expect(manager.triggerEvent("orders.paid")).resolves.toBeDefined();
  });

  it("that name a plugin that is not there make the start fail with the names that are", async () => {
    const manager = testManager({ config: writeConfig("webhook:\n  plugins: [cahce]\n") });
    await expect(manager.start()).rejects.toThrow(
      /`cahce` cannot be imported; built in are validation, cache/,
    );
    await expect(manager.triggerEvent("cache.updated")).rejects.toMatchObject({ code: "PLUGIN_UNKNOWN" });
  });

  it("switch everything off with one word", async () => {
    vi.stubEnv("MOVA_WEBHOOK_ENABLED", "false");
    const endpoint = await testEndpoint();
    const manager = testManager({
      config: writeConfig("webhook: {}\n"),
      endpoints: [{ url: endpoint.url, secret }],
    });
    await manager.start();
    expect(manager.isEnabled()).toBe(false);
    expect((await manager.triggerEvent("cache.updated")).deliveries).toEqual([]);
    manager.setEnabled(true);
    expect((await manager.triggerEvent("cache.updated")).deliveries).toHaveLength(1);
    await endpoint.received(1);
  });

  it("warn of a secret that is short", () => {
    const warnings: string[] = [];
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (_: object, message: string) => void warnings.push(message),
    };
    testManager({ logger, endpoints: [{ id: "ops", url: "https://example.com", secret: "short" }] });
    expect(warnings.join()).toMatch(/ops.*16 bytes/);
    expect(warnings.join()).not.toContain("short-");
  });
});

describe("the process-wide manager", () => {
  it("is what the original's functions act on, and starts at the first trigger", async () => {
    const endpoint = await testEndpoint();
    setWebhookManager(testManager());
    addWebhookEndpoint({ url: endpoint.url, secret });
    await triggerValidationStarted({ schema: "user_schema", data_size: 1024 });
    class ParseError extends TypeError {}
    await triggerErrorOccurred(new ParseError("unexpected end"), {
      component: "validator",
      user_id: "12345",
    });
    await endpoint.received(2);
    const bodies = endpoint.requests.map(({ body }) => JSON.parse(body.toString()));
    expect(bodies).toContainEqual(
      expect.objectContaining({
        event_type: "validation.started",
        data: { schema: "user_schema", data_size: 1024 },
      }),
    );
    expect(bodies).toContainEqual(
      expect.objectContaining({
        event_type: "error.occurred",
        data: {
          error_type: "ParseError",
          error_message: "unexpected end",
          context: { component: "validator", user_id: "12345" },
        },
      }),
    );
    expect(removeWebhookEndpoint(endpoint.url)).toBe(true);
    expect(removeWebhookEndpoint(endpoint.url)).toBe(false);
    expect(getWebhookManager().getEndpoints()).toEqual([]);
  });
});

describe("an endpoint that is removed", () => {
  it("leaves what waited for it dead with a reason, and gets nothing more", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    const { deliveries } = await manager.triggerEvent("cache.updated");
    manager.removeEndpoint("ops");
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "dead");
    expect((await manager.get(deliveries[0] ?? ""))?.reason).toBe("endpoint removed");
    await manager.start();
    expect(endpoint.requests).toHaveLength(0);
  });
});
