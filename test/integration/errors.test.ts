/** Errors: reported ones, and those that end the process, which are delivered after the restart. */
import { join } from "node:path";
import { getWebhookManager, reportError, setWebhookManager, WebhookError } from "mova-webhooks";
import { error } from "mova-webhooks/plugins";
import type { FakeEndpoint } from "mova-webhooks/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type Ended, root, runProgram } from "../support/program.ts";

function eventsAt(endpoint: FakeEndpoint): { event_type: string; data: Record<string, unknown> }[] {
  return endpoint.requests.map(({ body }) => JSON.parse(body.toString()) as never);
}

describe("reportError", () => {
  it("sends one event for each error object, with its context", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ plugins: [error()], endpoints: [{ url: endpoint.url, secret }] });
    await manager.start();
    const same = new TypeError("wrong");
    manager.reportError(same, { component: "validator" });
    manager.reportError(same, { component: "again" });
    manager.reportError("a text");
    await endpoint.received(2);
    expect(await manager.drain(5000)).toBe(true);
    expect(eventsAt(endpoint).map(({ data }) => data)).toEqual([
      { error_type: "TypeError", error_message: "wrong", context: { component: "validator" } },
      { error_type: "string", error_message: "a text", context: {} },
    ]);
  });

  it("works alike without the error plugin, and costs nothing where nobody wants it", async () => {
    const manager = testManager();
    const heard: unknown[] = [];
    manager.reportError(new Error("unheard"));
    manager.addEventHandler("error.occurred", ({ data }) => heard.push(data));
    const same = new TypeError("wrong");
    manager.reportError(same);
    manager.reportError(same);
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ error_type: "TypeError", error_message: "wrong", context: {} }]);
  });

  it("drops what exceeds ten a second, and counts it", async () => {
    const manager = testManager({ plugins: [error()], now: () => 1_700_000_000_000 });
    let heard = 0;
    manager.addEventHandler("error.occurred", () => void (heard += 1));
    for (let n = 0; n < 25; n += 1) manager.reportError(new Error(String(n)));
    await until(() => heard === 10);
    expect(await manager.registry.metrics()).toContain(
      'mova_webhook_events_dropped_total{source="error",reason="rate_limited"} 15',
    );
  });

  it("throws for nothing: not for odd errors, not after close", async () => {
    const manager = testManager({ plugins: [error()], endpoints: [{ url: "https://example.com", secret }] });
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const prickly = new Proxy(new Error("prickly"), {
      get: () => {
        throw new Error("not to be read");
      },
    });
    manager.reportError(undefined, circular);
    manager.reportError(prickly);
    await manager.close();
    expect(() => manager.reportError(new WebhookError("CLOSED", "late"))).not.toThrow();
  });

  it("acts on the process-wide manager as an exported function", async () => {
    const endpoint = await testEndpoint();
    const own = testManager({ plugins: [error()], endpoints: [{ url: endpoint.url, secret }] });
    setWebhookManager(own);
    expect(getWebhookManager()).toBe(own);
    reportError(new RangeError("far"), { operation: "read" });
    await endpoint.received(1);
    expect(eventsAt(endpoint)[0]).toMatchObject({
      event_type: "error.occurred",
      data: { error_type: "RangeError", error_message: "far", context: { operation: "read" } },
    });
  });
});

describe.skipIf(!sqliteLoads)("an error that ends the process", () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });

  it.each([
    ["throw", "RangeError", "uncaughtException"],
    ["throw late", "TypeError", "uncaughtException"],
    ["reject", "TypeError", "unhandledRejection"],
  ])(
    "by a %s is stored before it does and delivered after the restart, and the end is the same",
    async (way, type, origin) => {
      const endpoint = await testEndpoint(503);
      const path = join(folder, "outbox.db");
      const without = await run(way);
      const crashed = await run(way, path, endpoint.url);
      expect(without.code).toBe(1);
      expect(without.stderr).toContain(`${type}: `);
      expect(crashed).toEqual(without);

      endpoint.answerWith(200);
      const before = endpoint.requests.length;
      expect(await run("deliver", path, endpoint.url)).toMatchObject({ code: 0, stderr: "" });
      await endpoint.received(before + 1);
      expect(eventsAt(endpoint).at(-1)).toMatchObject({
        event_type: "error.occurred",
        data: { error_type: type, context: { origin, fatal: true } },
      });
      expect(new Set(endpoint.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    },
  );

  it("is one event where it was reported before", async () => {
    const endpoint = await testEndpoint(503);
    const path = join(folder, "outbox.db");
    expect((await run("report and throw", path, endpoint.url)).code).toBe(1);
    const outbox = sqliteOutbox({ path });
    const { deliveries } = await outbox.find({});
    await outbox.close();
    expect(deliveries).toHaveLength(1);
  });

  it("is delivered at once where the program handles it and goes on", async () => {
    const endpoint = await testEndpoint();
    const ended = await run("go on", join(folder, "outbox.db"), endpoint.url);
    expect(ended.code).toBe(3);
    await endpoint.received(1);
    expect(eventsAt(endpoint)[0]?.data).toMatchObject({ error_message: "the program goes on" });
  });
});

/** Runs the program in a process of its own, without webhooks where no outbox is named. */
async function run(way: string, ...withWebhooks: string[]): Promise<Pick<Ended, "code" | "stderr">> {
  const imports = ["--import", "tsx", "--import", join(root, "test/fixtures/sources.mjs")];
  const words = [...imports, join(root, "test/fixtures/errors/crash.mjs"), way, ...withWebhooks];
  const { code, stderr } = await runProgram(process.execPath, words);
  return { code, stderr };
}
