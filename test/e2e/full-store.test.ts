/** A disk that is full: nothing accepted is lost, deliveries go on, and what there is no room for is refused and said so. */
import { join } from "node:path";
import { type WebhookEndpoint, WebhookManager } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { fakeEndpoint, type FakeEndpoint } from "mova-webhooks/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mountSmallDisk, reasonWithoutSmallDisk, type SmallDisk } from "../support/small-disk.ts";
import { until } from "../support/until.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const text = "x".repeat(2000);

describe.skipIf(reasonWithoutSmallDisk() !== undefined)("a SQLite outbox on a full disk", () => {
  let disk: SmallDisk;
  let endpoint: FakeEndpoint;
  let managers: WebhookManager[];
  /** Ids of the events that the receiver has taken; while it is down it takes none. */
  let taken: Set<unknown>;
  let isDown: boolean;

  beforeEach(async () => {
    disk = mountSmallDisk(6);
    taken = new Set();
    isDown = false;
    endpoint = await fakeEndpoint(({ headers }, response) => {
      if (!isDown) taken.add(headers["webhook-id"]);
      response.writeHead(isDown ? 503 : 200).end();
    });
    managers = [];
  });
  afterEach(async () => {
    await Promise.all(managers.map((manager) => manager.close(5000)));
    await endpoint.close();
    disk.unmount();
  });

  function manage(settings: Partial<WebhookEndpoint> = {}): WebhookManager {
    const manager = new WebhookManager({
      config: false,
      network: { allow: ["127.0.0.0/8"] },
      outbox: sqliteOutbox({ path: join(disk.folder, "outbox.db") }),
      endpoints: [{ id: "ops", url: endpoint.url, secret, ...settings }],
    });
    managers.push(manager);
    return manager;
  }

  /** Triggers until it is refused; returns the ids of what was accepted, and the refusal. */
  async function triggerUntilRefused(manager: WebhookManager): Promise<{ ids: string[]; refusal: unknown }> {
    const ids: string[] = [];
    for (;;) {
      try {
        ids.push((await manager.triggerEvent("cache.updated", { text })).id);
      } catch (refusal) {
        return { ids, refusal };
      }
    }
  }

  const delivered = (): ReadonlySet<unknown> => taken;

  it("delivers all that it had accepted, in the same process and after a start, and takes events again", async () => {
    const first = manage();
    const { ids, refusal } = await triggerUntilRefused(first);
    expect(refusal).toMatchObject({ code: "OUTBOX_UNAVAILABLE" });
    expect((refusal as Error).message).toMatch(/outbox\.db has no room for more: the disk is full/);
    expect(ids.length).toBeGreaterThan(300);
    await first.close();
    const second = manage();
    await second.start();
    await until(() => delivered().size >= ids.length, 60_000);
    expect(new Set(ids)).toEqual(delivered());
    await until(
      async () =>
        second.ready().then(
          () => true,
          () => false,
        ),
      20_000,
    );
    const { id } = await second.triggerEvent("cache.updated", { text });
    await until(() => delivered().has(id), 20_000);
  });

  it("forgets what was delivered before it refuses anything", async () => {
    const manager = manage();
    await manager.start();
    let accepted = 0;
    // Three times what the disk holds.
    for (let round = 0; round < 90; round += 1) {
      const triggered = Array.from({ length: 100 }, () => manager.triggerEvent("cache.updated", { text }));
      accepted += (await Promise.all(triggered)).length;
      await manager.drain(30_000);
    }
    await until(() => delivered().size === accepted, 60_000);
    expect(accepted).toBe(9000);
  });

  it("delivers on where another program has filled the disk, and says meanwhile that it is not ready", async () => {
    const manager = manage();
    const ids: string[] = [];
    for (let n = 0; n < 400; n += 1) ids.push((await manager.triggerEvent("cache.updated", { text })).id);
    disk.fill();
    await expect(triggerUntilRefused(manager)).resolves.toMatchObject({
      refusal: { code: "OUTBOX_UNAVAILABLE" },
    });
    const waiting = (await manager.status())[0]?.pending ?? 0;
    await manager.start();
    await until(() => delivered().size >= waiting, 60_000);
    for (const id of ids) expect(delivered()).toContain(id);
    disk.clear();
    await until(
      async () =>
        manager.ready().then(
          () => true,
          () => false,
        ),
      20_000,
    );
    const { id } = await manager.triggerEvent("cache.updated", { text });
    await until(() => delivered().has(id), 20_000);
  });

  it("is not ready while no event can be stored, and ready when its receiver is back", async () => {
    isDown = true;
    const manager = manage({ retrySchedule: [1], retries: 100, circuitBreaker: false });
    await manager.start();
    await expect(manager.ready()).resolves.toBeUndefined();
    const { ids } = await triggerUntilRefused(manager);
    await expect(manager.ready()).rejects.toMatchObject({ code: "OUTBOX_UNAVAILABLE" });
    isDown = false;
    await until(() => ids.every((id) => delivered().has(id)), 60_000);
    await until(
      async () =>
        manager.ready().then(
          () => true,
          () => false,
        ),
      20_000,
    );
    expect((await manager.find({ state: "dead" })).deliveries).toEqual([]);
  });
});
