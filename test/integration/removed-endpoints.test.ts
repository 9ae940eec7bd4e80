/** Endpoints that go: what waits for them is kept or is dead as was asked for, and nobody's is lost without a word. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WebhookManager } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { describe, expect, it } from "vitest";
import { cli, inFolder, write } from "../support/cli.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { post, serve } from "../support/server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const retrying = `secret: ${secret}, retry_schedule: [0.3], retries: 100, circuit_breaker: false`;

/** A configuration file with these endpoints, each `id: url`. */
function fileOf(path: string, endpoints: Readonly<Record<string, string>>): string {
  const lines = Object.entries(endpoints).map(
    ([id, url]) => `    - { id: ${id}, url: "${url}", ${retrying} }\n`,
  );
  writeFileSync(path, `webhook:\n  endpoints:${lines.length === 0 ? " []\n" : `\n${lines.join("")}`}`);
  return path;
}

function recordingLogger() {
  const lines: [level: string, fields: object, message: string][] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push([level, fields, message]);
  return { lines, logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

async function deathsIn(manager: WebhookManager): Promise<number> {
  const text = await manager.registry.metrics();
  const found =
    /mova_webhook_deliveries_total\{endpoint="ops",event_type="(?:other|cache.updated)",outcome="dead"\} (\d+)/g;
  return [...text.matchAll(found)].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function trigger(manager: WebhookManager, events: number): Promise<string[]> {
  const numbers = Array.from({ length: events }, (_, n) => n);
  const triggered = await Promise.all(numbers.map((n) => manager.triggerEvent("cache.updated", { n })));
  return triggered.flatMap(({ deliveries }) => deliveries);
}

describe("a reload without an endpoint", () => {
  it("keeps what waits for it, in its lane and on its way too, for when it is back, and says how much", async () => {
    const [down, up] = [await testEndpoint(503), await testEndpoint()];
    const path = fileOf(join(temporaryFolder(), "mova.config.yaml"), { ops: down.url });
    const { lines, logger } = recordingLogger();
    const manager = testManager({ config: path, logger });
    await manager.start();
    const ids = await trigger(manager, 40);
    await down.received(1);
    const onItsWay = trigger(manager, 5);
    fileOf(path, { renamed: up.url });
    expect(manager.reload()).toMatchObject({ added: ["renamed"], removed: ["ops"] });
    ids.push(...(await onItsWay));
    const states = async (): Promise<Set<string | undefined>> =>
      new Set(await Promise.all(ids.map(async (id) => (await manager.get(id))?.state)));
    await until(async () => [...(await states())].join() === "pending");
    const kept = [
      { endpoint: "ops", count: expect.any(Number) },
      "what waits for a removed endpoint is kept",
    ];
    await until(() => lines.some(([, , message]) => message === kept[1]));
    expect(lines).toContainEqual(["warn", ...kept]);
    expect(await deathsIn(manager)).toBe(0);
    fileOf(path, { ops: up.url });
    manager.reload();
    await until(async () => [...(await states())].join() === "delivered");
  });

  it("makes dead what waits for it where that is asked for: counted, logged, and in the records", async () => {
    const down = await testEndpoint(503);
    const path = fileOf(join(temporaryFolder(), "mova.config.yaml"), { ops: down.url });
    const { lines, logger } = recordingLogger();
    const manager = testManager({ config: path, logger });
    await manager.start();
    const ids = await trigger(manager, 40);
    await down.received(1);
    fileOf(path, {});
    manager.reload({ bury: true });
    await until(async () => (await manager.find({ state: "dead", limit: 100 })).deliveries.length === 40);
    expect(new Set((await manager.find({ limit: 100 })).deliveries.map(({ reason }) => reason))).toEqual(
      new Set(["endpoint removed"]),
    );
    await until(async () => (await deathsIn(manager)) === ids.length);
    const logged = lines.flatMap(([level, fields, message]) => {
      if (level !== "error" || !/^deliver(y|ies)\.dead$/.test(message)) return [];
      return [{ count: 1, ...fields }];
    });
    expect(logged.reduce((sum, { count }) => sum + count, 0)).toBe(40);
    expect(() => manager.reload({ burry: true } as object)).toThrow(/`burry`.*`bury`/);
  });

  it.skipIf(!sqliteLoads)(
    "leaves alone what another process with another file delivers from the same outbox",
    async () => {
      const folder = temporaryFolder();
      const [down, up] = [await testEndpoint(503), await testEndpoint()];
      const outbox = () => sqliteOutbox({ path: join(folder, "outbox.db") });
      const [one, other] = [join(folder, "one.yaml"), join(folder, "other.yaml")];
      fileOf(one, { ops: down.url, own: up.url });
      fileOf(other, { ops: up.url });
      const first = testManager({ config: one, outbox: outbox() });
      await first.start();
      const ids = (await trigger(first, 20)).filter((_, index) => index % 2 === 0);
      await down.received(1);
      fileOf(one, { own: up.url });
      first.reload();
      const second = testManager({ config: other, outbox: outbox() });
      await second.start();
      await until(async () => {
        const states = await Promise.all(ids.map(async (id) => (await second.get(id))?.state));
        return states.every((state) => state === "delivered");
      });
      expect((await second.find({ state: "dead" })).deliveries).toEqual([]);
    },
  );
});

describe("an endpoint that is removed by `removeEndpoint`", () => {
  it("counts as deaths what waited for it", async () => {
    const down = await testEndpoint(503);
    const { lines, logger } = recordingLogger();
    const endpoint = { id: "ops", url: down.url, secret };
    const manager = testManager({ logger, endpoints: [endpoint] });
    await trigger(manager, 7);
    manager.removeEndpoint("ops");
    await until(async () => (await deathsIn(manager)) === 7);
    expect(lines).toContainEqual([
      "error",
      { endpoint_id: "ops", reason: "endpoint removed", count: 7 },
      "deliveries.dead",
    ]);
  });

  it("loses nothing that comes after it was added again", async () => {
    const endpoint = await testEndpoint();
    const settings = { id: "ops", url: endpoint.url, secret };
    const manager = testManager({ endpoints: [settings] });
    await manager.start();
    manager.setEndpointEnabled("ops", false);
    manager.removeEndpoint("ops");
    manager.addEndpoint(settings);
    const [id = ""] = await trigger(manager, 1);
    await until(async () => (await manager.get(id))?.state === "delivered");
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe("a replay for an endpoint that nobody has", () => {
  it("is refused by a process that delivers, in the library and over HTTP", async () => {
    const { url, manager } = await serve({
      endpoints: [{ id: "ops", url: (await testEndpoint(400)).url, secret }],
    });
    const [id = ""] = await trigger(manager, 1);
    await until(async () => (await manager.get(id))?.state === "dead");
    manager.removeEndpoint("ops");
    await expect(manager.replay({ endpointId: "ops" })).rejects.toMatchObject({ code: "ENDPOINT_UNKNOWN" });
    for (const path of ["/api/replay", `/api/deliveries/${id}/replay`]) {
      const body = path === "/api/replay" ? { endpoint: "ops" } : {};
      const answer = await post(`${url}${path}`, body);
      expect([answer.status, answer.json().error.code]).toEqual([404, "ENDPOINT_UNKNOWN"]);
    }
    expect((await manager.get(id))?.state).toBe("dead");
  });

  it.skipIf(!sqliteLoads)(
    "is said by the command line to wait, and its list shows why it was dead",
    async () => {
      write("mova.config.yaml", "webhook:\n  outbox: { type: sqlite, path: ./x.db }\n  endpoints: []\n");
      const path = inFolder("x.db");
      const manager = testManager({
        outbox: sqliteOutbox({ path }),
        endpoints: [{ id: "ops", url: "http://127.0.0.1:9/", secret }],
      });
      const [id = ""] = await trigger(manager, 1);
      manager.removeEndpoint("ops");
      await until(async () => (await manager.get(id))?.state === "dead");
      await manager.close();
      expect((await cli(["deliveries", "list"])).out).toMatch(/ops +dead +0 +endpoint removed/);
      const { code, out, err } = await cli(["deliveries", "replay", "--endpoint", "ops"]);
      expect([code, out]).toEqual([0, `${id}\n1 replayed\n`]);
      expect(err).toContain(
        "no endpoint `ops` is configured: what was replayed waits until a process has it\n",
      );
    },
  );
});
