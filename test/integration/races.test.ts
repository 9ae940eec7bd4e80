import { readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { memoryOutbox, type Outbox } from "mova-webhooks";
import { beforeEach, describe, expect, it } from "vitest";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { submission } from "../support/submission.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

/** An outbox whose puts wait until they are let go. */
function slowOutbox(): { readonly outbox: Outbox; readonly letGo: () => void } {
  const outbox = memoryOutbox();
  const put = outbox.put.bind(outbox);
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  outbox.put = (submissions) => gate.then(() => put(submissions));
  return { outbox, letGo };
}

describe("an endpoint that is replaced while work is on its way", () => {
  it("gets what waited at the gate at its new address, signed with its new secret", async () => {
    const hanging = await testEndpoint((_, response, count) => {
      if (count > 1) response.writeHead(200).end();
    });
    const after = await testEndpoint();
    const settings = { id: "ops", secret, timeout: 0.3, retrySchedule: [0.01] };
    const manager = testManager({ maxInFlight: 1, endpoints: [{ ...settings, url: hanging.url }] });
    await manager.start();
    for (let n = 0; n < 3; n += 1) await manager.triggerEvent("cache.updated", { n });
    await hanging.received(1);
    manager.removeEndpoint("ops");
    manager.addEndpoint({ ...settings, url: after.url });
    await manager.triggerEvent("cache.updated", { n: 3 });
    await after.received(1);
    await manager.drain(2000);
    expect(hanging.requests).toHaveLength(1);
  });

  it("keeps its lane in order where a place was promised by the lane before", async () => {
    const endpoint = await testEndpoint();
    const { outbox, letGo } = slowOutbox();
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.start();
    const triggered = Promise.all([1, 2, 3].map((n) => manager.triggerEvent("cache.updated", { n })));
    manager.removeEndpoint("ops");
    manager.addEndpoint({ id: "ops", url: endpoint.url, secret });
    letGo();
    await triggered;
    await endpoint.received(3);
    expect(await manager.drain(2000)).toBe(true);
  });
});

describe("an endpoint that is removed", () => {
  it("leaves nothing pending: neither what was in flight, nor what was on its way into the outbox", async () => {
    let answer = (): void => undefined;
    const endpoint = await testEndpoint((_, response) => {
      answer = () => response.writeHead(500).end();
    });
    const { outbox, letGo } = slowOutbox();
    const manager = testManager({ outbox, endpoints: [{ id: "ops", url: endpoint.url, secret }] });
    await manager.start();
    const first = manager.triggerEvent("cache.updated", {});
    letGo();
    const inFlight = (await first).deliveries[0] ?? "";
    await endpoint.received(1);
    const second = manager.triggerEvent("cache.updated", {});
    manager.removeEndpoint("ops");
    answer();
    const onItsWay = (await second).deliveries[0] ?? "";
    for (const id of [inFlight, onItsWay]) {
      await until(async () => (await manager.get(id))?.state === "dead");
      expect((await manager.get(id))?.reason).toBe("endpoint removed");
    }
  });
});

describe("close", () => {
  it("during the start still delivers what a memory outbox holds", async () => {
    const endpoint = await testEndpoint();
    const manager = testManager({ endpoints: [{ url: endpoint.url, secret }] });
    await manager.triggerEvent("cache.updated", {});
    const starting = manager.start();
    await manager.close(2000);
    await starting;
    expect(endpoint.requests).toHaveLength(1);
  });

  it("while the configured outbox is being loaded leaves no file open", async () => {
    const path = join(folder, "mova.config.yaml");
    writeFileSync(path, "webhook:\n  outbox: { type: sqlite, path: ./x.db }\n");
    const manager = testManager({ config: path });
    const triggering = manager.triggerEvent("cache.updated", {}).catch((error: unknown) => error);
    await manager.close();
    await triggering;
    const open = readdirSync("/proc/self/fd").map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    });
    expect(open.filter((file) => file.startsWith(folder))).toEqual([]);
  });

  it("sends nothing any more once it has resolved", async () => {
    const endpoint = await testEndpoint(() => undefined);
    const manager = testManager({ maxInFlight: 1, endpoints: [{ url: endpoint.url, secret, timeout: 5 }] });
    await manager.start();
    for (let n = 0; n < 4; n += 1) await manager.triggerEvent("cache.updated", { n });
    await endpoint.received(1);
    await manager.close(50);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(endpoint.requests).toHaveLength(1);
  });

  it("and drain end at their deadline while the outbox hangs", async () => {
    const { outbox } = slowOutbox();
    const manager = testManager({ outbox, endpoints: [{ url: "https://example.com", secret }] });
    await manager.start();
    void manager.triggerEvent("cache.updated", {});
    await manager.drain(20);
    await manager.close(20);
    await expect(manager.triggerEvent("cache.updated")).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("leaves nothing that comes alive again", async () => {
    const manager = testManager({ endpoints: [{ url: "https://example.com", secret }] });
    await manager.close();
    await expect(manager.listen({ port: 0 })).rejects.toMatchObject({ code: "CLOSED" });
    expect(() => manager.setEnabled(true)).toThrow(/closed/);
    await expect(manager.start()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("what fails once", () => {
  it("a start is tried again when it is asked for again", async () => {
    const outbox = memoryOutbox();
    const ping = outbox.ping.bind(outbox);
    outbox.ping = () => Promise.reject(new Error("not yet"));
    const manager = testManager({ outbox });
    await expect(manager.start()).rejects.toThrow("not yet");
    outbox.ping = ping;
    await expect(manager.start()).resolves.toBeUndefined();
  });

  it("a span processor that throws ends neither the event nor its delivery", async () => {
    const endpoint = await testEndpoint();
    const tracerProvider = new BasicTracerProvider({
      spanProcessors: [
        {
          onStart() {},
          onEnd() {
            throw new Error("processor's own");
          },
          forceFlush: () => Promise.resolve(),
          shutdown: () => Promise.resolve(),
        },
      ],
    });
    const manager = testManager({ tracerProvider, endpoints: [{ url: endpoint.url, secret }] });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");
    expect(endpoint.requests).toHaveLength(1);
  });

  it("a manager that does not come about leaves nothing in the registry it was given", async () => {
    const { Registry } = await import("prom-client");
    const registry = new Registry();
    const endpoint = { id: "x", url: "https://example.com", secret };
    expect(() => testManager({ registry, endpoints: [endpoint, endpoint] })).toThrow(/already/);
    testManager({ registry, endpoints: [endpoint] });
    expect(await registry.metrics()).toContain('mova_webhook_concurrency_limit{endpoint="x"} 16');
  });
});

describe("an old claim", () => {
  it.skipIf(!sqliteLoads)("of a file that was replaced settles no delivery of the new one", async () => {
    const put = (outbox: Outbox, name: string) => {
      const { event, deliveries } = submission(name);
      return outbox.put([{ event, deliveries: deliveries.map((each) => ({ ...each, claim: true })) }]);
    };
    const one = sqliteOutbox({ path: join(folder, "one.db") });
    const two = sqliteOutbox({ path: join(folder, "two.db") });
    const [stored] = await put(one, "one");
    await put(two, "two");
    const claim = stored?.claims[0];
    if (claim === undefined) throw new Error("expected a claim");
    expect(await two.settle(claim, { kind: "delivered" })).toBe("lost");
    expect((await two.get("dlv_two"))?.state).toBe("delivering");
    await one.close();
    await two.close();
  });
});

describe("bad input", () => {
  it.each([() => 1, Symbol("a"), { toJSON: () => undefined }])(
    "data without a JSON form is refused",
    async (data) => {
      await expect(testManager().triggerEvent("cache.updated", data)).rejects.toMatchObject({
        code: "DATA_UNSERIALISABLE",
      });
    },
  );

  it("an event handler for a mistyped type is refused with the nearest", () => {
    expect(() => testManager().addEventHandler("validation.startd", () => undefined)).toThrow(
      /validation\.started/,
    );
  });

  it("an error that cannot be read is reported all the same, and nothing throws", async () => {
    const manager = testManager();
    const data: unknown[] = [];
    manager.addEventHandler("error.occurred", (event) => data.push(event.data));
    const unreadable = Object.defineProperty(new Error("x"), "message", {
      get: () => {
        throw new Error("getter's own");
      },
    });
    manager.reportError(unreadable);
    await until(() => data.length > 0);
    expect(data).toMatchObject([{ error_message: "an error that cannot be read" }]);
  });
});

it("what an outbox claimed is delivered in whatever order it answers", async () => {
  const outbox = memoryOutbox();
  const put = outbox.put.bind(outbox);
  outbox.put = async (submissions) =>
    (await put(submissions)).map((stored) => ({ ...stored, claims: [...stored.claims].reverse() }));
  const endpoint = await testEndpoint();
  const endpoints = ["a", "b", "c"].map((id) => ({ id, url: endpoint.url, secret }));
  const manager = testManager({ outbox, endpoints });
  await manager.start();
  await manager.triggerEvent("cache.updated", {});
  await endpoint.received(3);
  await manager.drain(2000);
  expect((await manager.find({ state: "delivered" })).deliveries).toHaveLength(3);
});

it("a close waits for the posts of an endpoint that was removed", async () => {
  let answer = (): void => undefined;
  const endpoint = await testEndpoint((_, response) => {
    answer = () => response.writeHead(200).end();
  });
  const manager = testManager({ endpoints: [{ id: "ops", url: endpoint.url, secret }] });
  await manager.start();
  await manager.triggerEvent("cache.updated", {});
  await endpoint.received(1);
  manager.removeEndpoint("ops");
  const order: string[] = [];
  const closed = manager.close(5000).then(() => order.push("closed"));
  setTimeout(() => {
    order.push("answered");
    answer();
  }, 50);
  await closed;
  expect(order).toEqual(["answered", "closed"]);
});

it("an endpoint setting that is mistyped in code is refused with those there are", () => {
  const mistyped = { url: "https://example.com", secret, timout: 5 };
  expect(() => testManager({ endpoints: [mistyped] })).toThrow(
    /`timout`; did you mean `timeout`\? Known here: url, id, description, metadata, secret, headers, timeout/,
  );
});
