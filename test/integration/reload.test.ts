import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WebhookManager } from "mova-webhooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, "mova.config.yaml");
});
afterEach(() => {
  vi.restoreAllMocks();
});

function write(endpoints: readonly string[], more = ""): void {
  writeFileSync(
    path,
    `webhook:\n${more}  endpoints:\n${endpoints.map((line) => `    - ${line}\n`).join("")}`,
  );
}

describe("a configuration that is read again", () => {
  it("adds, changes and removes endpoints, and leaves those of the code alone", async () => {
    const [one, two] = [await testEndpoint(), await testEndpoint()];
    write([
      `{ id: stays, url: "${one.url}", secret: ${secret} }`,
      `{ id: goes, url: "${one.url}?2", secret: ${secret} }`,
    ]);
    const manager = testManager({ config: path, endpoints: [{ id: "coded", url: `${one.url}?3`, secret }] });
    const heard: unknown[] = [];
    manager.addEventHandler("config.updated", ({ data }) => heard.push(data));
    await manager.start();

    write([
      `{ id: stays, url: "${two.url}", secret: ${secret}, timeout: 5 }`,
      `{ id: comes, url: "${two.url}?4", secret: ${secret} }`,
    ]);
    expect(manager.reload()).toEqual({
      added: ["comes"],
      changed: ["stays"],
      removed: ["goes"],
      needRestart: [],
    });
    expect(manager.getEndpoints().map(({ id, url, timeout }) => [id, url, timeout])).toEqual([
      ["stays", two.url, 5],
      ["coded", `${one.url}?3`, 30],
      ["comes", `${two.url}?4`, 30],
    ]);
    await until(() => heard.length === 1);
    expect(heard).toEqual([
      {
        keys: ["webhook.endpoints.comes", "webhook.endpoints.stays", "webhook.endpoints.goes"],
        operation: "reload",
      },
    ]);
    expect(manager.reload()).toEqual({ added: [], changed: [], removed: [], needRestart: [] });
  });

  it("delivers what waited for a changed endpoint under its new settings", async () => {
    const [before, after] = [await testEndpoint(503), await testEndpoint()];
    write([
      `{ id: ops, url: "${before.url}", secret: ${secret}, retry_schedule: [0.05], retries: 100, circuit_breaker: false, event_types: [cache.*] }`,
    ]);
    const manager = testManager({ config: path });
    await manager.start();
    const { id, deliveries } = await manager.triggerEvent("cache.updated", {});
    await before.received(1);
    write([`{ id: ops, url: "${after.url}", secret: ${secret}, event_types: [cache.*] }`]);
    manager.reload();
    const [request] = await after.received(1);
    expect(request?.headers["webhook-id"]).toBe(id);
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");
  });

  it("loses nothing of what waits in the lane of a changed endpoint, and leaves a switched-off one off", async () => {
    let answer: (() => void) | undefined;
    const endpoint = await testEndpoint((_, response, count) => {
      if (count > 1) response.writeHead(200).end();
      else answer = () => response.writeHead(200).end();
    });
    const line = `{ id: ops, url: "${endpoint.url}", secret: ${secret}, concurrency: 1, event_types: [cache.*] }`;
    const off = `{ url: "${endpoint.url}?off", secret: ${secret}, event_types: [cache.*] }`;
    write([line, off]);
    const manager = testManager({ config: path });
    await manager.start();
    manager.setEndpointEnabled(`${endpoint.url}?off`, false);
    const triggered = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => manager.triggerEvent("cache.updated", { n })),
    );
    await endpoint.received(1);
    write([
      line.replace("concurrency: 1", "concurrency: 1, timeout: 11"),
      off.replace("secret", "timeout: 11, secret"),
    ]);
    expect(manager.reload().changed).toHaveLength(2);
    answer?.();
    for (const { deliveries } of triggered) {
      await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");
    }
    expect(manager.getEndpoints().map(({ enabled, timeout }) => [enabled, timeout])).toEqual([
      [true, 11],
      [false, 11],
    ]);
  });

  it("applies a changed default to the endpoints that set nothing themselves", async () => {
    write([`{ id: ops, url: "https://example.com/", secret: ${secret} }`], "  timeout: 10\n");
    const manager = testManager({ config: path });
    write([`{ id: ops, url: "https://example.com/", secret: ${secret} }`], "  timeout: 20\n");
    expect(manager.reload().changed).toEqual(["ops"]);
    expect(manager.getEndpoints()[0]?.timeout).toBe(20);
  });

  it("is refused whole where anything is wrong, and the old one stays", async () => {
    const endpoint = await testEndpoint();
    write([`{ id: ops, url: "${endpoint.url}", secret: ${secret} }`]);
    const manager = testManager({ config: path });
    await manager.start();
    write([
      `{ id: new, url: "https://example.com", secret: ${secret} }`,
      `{ id: bad, url: "http://10.0.0.1/", secret: ${secret} }`,
    ]);
    expect(() => manager.reload()).toThrow(/network\.allow/);
    writeFileSync(path, "webhook:\n  timeout: soon\n");
    expect(() => manager.reload()).toThrow(/mova\.config\.yaml:2:12/);
    expect(manager.getEndpoints().map(({ id }) => id)).toEqual(["ops"]);
    await manager.triggerEvent("cache.updated", {});
    expect(await endpoint.received(1)).toHaveLength(1);
  });

  it("names what holds only after a restart", () => {
    write([`{ id: ops, url: "https://example.com/", secret: ${secret} }`]);
    const manager = testManager({ config: path });
    write(
      [`{ id: ops, url: "https://example.com/", secret: ${secret} }`],
      "  plugins: [cache]\n  network: { ports: [443] }\n",
    );
    expect(manager.reload().needRestart).toEqual(["plugins", "network"]);
  });

  it("compares what needs a restart with what runs", () => {
    const line = `{ id: ops, url: "https://example.com/", secret: ${secret} }`;
    write([line]);
    const manager = testManager({ config: path });
    write([line], "  retention: { days: 3 }\n");
    expect(manager.reload().needRestart).toEqual(["retention"]);
    expect(manager.reload().needRestart).toEqual(["retention"]);
    write([line]);
    expect(manager.reload().needRestart).toEqual([]);
  });

  it("says of an endpoint in a range that it allows too that a restart is needed", () => {
    const line = (id: string, url: string): string => `{ id: ${id}, url: "${url}", secret: ${secret} }`;
    write([line("ops", "https://example.com/")]);
    const manager = testManager({ config: path, network: {} });
    const both = [line("ops", "https://example.com/"), line("inside", "https://10.0.0.1/")];
    write(both, "  network: { allow: [10.0.0.0/8] }\n");
    expect(() => manager.reload()).toThrow(/`inside`.*A change of `network` needs a restart/);
    expect(() => manager.reload()).toThrow(expect.not.stringMatching(/network\.allow/));
    write(both);
    expect(() => manager.reload()).toThrow(/network\.allow/);
    write([line("ops", "https://example.com/")], "  network: { allow: [10.0.0.0/8] }\n");
    expect(manager.reload().needRestart).toEqual(["network"]);
    expect(manager.getEndpoints()).toHaveLength(1);
  });

  it("is refused where its file is gone, empty or without its section, also under the default name", async () => {
    write([`{ id: ops, url: "https://example.com/", secret: ${secret}, enabled: false }`]);
    vi.spyOn(process, "cwd").mockReturnValue(folder);
    const manager = new WebhookManager();
    await manager.start();
    for (const text of ["", "# later\n", "webhok:\n  endpoints: []\n"]) {
      writeFileSync(path, text);
      expect(() => manager.reload()).toThrow(/mova\.config\.yaml:1:1: .*`webhook:`/);
    }
    rmSync(path);
    expect(() => manager.reload()).toThrow(/mova\.config\.yaml does not exist[^]*Put the file back/);
    expect(() => manager.reload()).toThrow(/does not exist/);
    expect(manager.getEndpoints().map(({ id }) => id)).toEqual(["ops"]);
    writeFileSync(path, "webhook: {}\n");
    expect(manager.reload().removed).toEqual(["ops"]);
    await manager.close();
  });
});

describe("event types that nobody declares", () => {
  const of = (types: string, id = "ops"): string =>
    `{ id: ${id}, url: "https://example.com/", secret: ${secret}, event_types: [${types}] }`;
  const orders = {
    contract: 1,
    name: "orders",
    events: { "orders.paid": { summary: "Paid.", example: {} } },
    translate: {},
  } as const;

  it("are refused at the start, with their place and the nearest", async () => {
    write([of("cache.*, validaton.*, cache.updatd")]);
    const manager = testManager({ config: path });
    await expect(manager.start()).rejects.toThrow(
      /mova\.config\.yaml:3:\d+: .*`validaton\.\*`; nearest are validation\.\*[^]*`cache\.updatd`; nearest are cache\.updated[^]*There are 2 mistakes/,
    );
  });

  it("are not those of plugins that the file names, that code uses before the start, and of event_types", async () => {
    writeFileSync(
      join(folder, "shop.mjs"),
      `export default ${JSON.stringify({ ...orders, name: "shop", events: { "shop.sold": { summary: "Sold.", example: {} } } })};`,
    );
    write(
      [of("orders.paid, shop.*, own.type, mine.thing")],
      "  plugins: [./shop.mjs]\n  event_types: [own.*]\n",
    );
    const manager = testManager({ config: path, eventTypes: ["mine.*"] });
    await expect(manager.start()).rejects.toThrow(/`orders\.paid`[^]*There is 1 mistake/);
    manager.use(orders);
    await manager.start();
  });

  it("are refused whole when the file is read again, unless a plugin that waits for a restart may declare them", async () => {
    write([of("cache.*")]);
    const manager = testManager({ config: path });
    await manager.start();
    write([of("cache.*"), of("validaton.*", "new")]);
    expect(() => manager.reload()).toThrow(/mova\.config\.yaml:4:\d+: .*`validaton\.\*`/);
    expect(manager.getEndpoints()).toHaveLength(1);
    write([of("shop.sold, own.type")], "  event_types: [own.*]\n");
    expect(() => manager.reload()).toThrow(/`shop\.sold`[^]*There is 1 mistake/);
    writeFileSync(join(folder, "shop.mjs"), "export default {};");
    write([of("shop.sold, own.type")], "  plugins: [./shop.mjs]\n  event_types: [own.*]\n");
    expect(manager.reload()).toMatchObject({ changed: ["ops"], needRestart: ["plugins", "eventTypes"] });
  });

  it("come with no plugin that is not there", () => {
    write([of("cache.*")]);
    const manager = testManager({ config: path });
    write([of("cache.updated")], "  plugins: [cahce, ./gone.mjs, no-such-package, cache, zod]\n");
    expect(() => manager.reload()).toThrow(
      /:2:13: there is no plugin `cahce`[^]*gone\.mjs`[^]*`no-such-package`[^]*There are 3 mistakes/,
    );
    expect(manager.getEndpoints()[0]?.eventTypes).toEqual(["cache.*"]);
  });
});
