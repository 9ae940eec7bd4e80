/** Files and rows of the SQLite outbox that vanish while it is in use: it says so, brings back what it can, and goes on. */
import { rmSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import { type CollectingLogger, collectingLogger } from "../support/collecting-logger.ts";
import { openFile, sqliteLoads } from "../support/native-sqlite.ts";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";
import { submission } from "../support/submission.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const writtenBack = "the SQLite outbox was deleted while it was open, and is written back";
/** Elsewhere nobody can tell a file that was deleted from one that was moved. */
const isLinux = process.platform === "linux";

let path: string;
let logger: CollectingLogger;
let outboxes: Outbox[];

beforeEach(() => {
  path = join(temporaryFolder(), "outbox.db");
  logger = collectingLogger();
  outboxes = [];
});
afterEach(async () => {
  for (const outbox of outboxes) await outbox.close();
});

function open(): Outbox {
  const outbox = sqliteOutbox({ path, logger });
  outboxes.push(outbox);
  return outbox;
}

function remove(...suffixes: string[]): void {
  for (const suffix of suffixes) rmSync(path + suffix);
}

function execute(statement: string): void {
  const database = openFile(path);
  database.exec(statement);
  database.close();
}

async function claimedFrom(outbox: Outbox): Promise<string[]> {
  return (await claimsOf(outbox, "ops", 10)).map(({ id }) => id);
}

describe.skipIf(!sqliteLoads || !isLinux)("a file that is deleted while it is open", () => {
  it.each([
    ["with its companions", ["", "-wal", "-shm"]],
    ["alone", [""]],
  ])("%s is written back with all that waited, in private", async (_, suffixes) => {
    const outbox = open();
    await outbox.put([submission("evt_1"), submission("evt_2")]);
    const [claim] = await claimsOf(outbox, "ops", 1);
    if (claim === undefined) throw new Error("expected a claim");
    remove(...suffixes);
    await outbox.put([submission("evt_3")]);
    expect(await outbox.settle(claim, { kind: "retry", dueAt: Date.now(), reason: "timeout" })).toBe(
      "settled",
    );
    expect(await claimedFrom(outbox)).toEqual(["dlv_evt_2", "dlv_evt_3", "dlv_evt_1"]);
    for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    expect(logger.complaints).toEqual([writtenBack]);
    await outbox.close();
    expect((await open().find({})).deliveries).toHaveLength(3);
  });

  it("is written back by a process that ends, too", async () => {
    const outbox = open();
    await outbox.put([submission("evt_1")]);
    remove("", "-wal", "-shm");
    await outbox.close();
    expect(logger.complaints).toEqual([writtenBack]);
    expect(await claimedFrom(open())).toEqual(["dlv_evt_1"]);
  });

  it("is written back by one of those that share it, and nothing that any of them stores is lost", async () => {
    const [one, other] = [open(), open()];
    await one.put([submission("evt_1")]);
    await other.put([submission("evt_2")]);
    remove("", "-wal", "-shm");
    await one.put([submission("evt_3")]);
    await other.put([submission("evt_4")]);
    expect((await one.find({})).deliveries).toHaveLength(4);
    expect((await other.find({})).deliveries).toHaveLength(4);
    expect(logger.complaints.filter((message) => message === writtenBack)).toHaveLength(1);
  });

  it("loses no event that was refused once: it is tried again", async () => {
    const held: ServerResponse[] = [];
    const endpoint = await testEndpoint((_, response, count) => {
      if (count === 1) held.push(response);
      else response.writeHead(204).end();
    });
    const manager = testManager({
      logger,
      outbox: open(),
      endpoints: [{ id: "ops", url: endpoint.url, secret, retrySchedule: [0.05] }],
    });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await endpoint.received(1);
    remove("", "-wal", "-shm");
    held[0]?.writeHead(503).end();
    await until(async () => (await manager.get(deliveries[0] ?? ""))?.state === "delivered");
    expect(endpoint.requests).toHaveLength(2);
    expect(logger.complaints).toContain(writtenBack);
  });
});

describe.skipIf(!sqliteLoads || !isLinux)("a file that is gone for good", () => {
  it("with its folder is said to be", async () => {
    const folder = join(path, "..");
    const outbox = open();
    await outbox.put([submission("evt_1")]);
    rmSync(folder, { recursive: true });
    await expect(outbox.put([submission("evt_2")])).rejects.toMatchObject({ code: "OUTBOX_UNAVAILABLE" });
    expect(logger.complaints).toEqual(["the SQLite outbox was deleted, and all that waited in it"]);
  });

  it("because it was moved is left to whoever moved it, and said to be", async () => {
    const outbox = open();
    await outbox.put([submission("evt_1")]);
    for (const suffix of ["", "-wal", "-shm"]) renameSync(path + suffix, `${path}.moved${suffix}`);
    await outbox.put([submission("evt_2")]);
    expect(await claimedFrom(outbox)).toEqual(["dlv_evt_2"]);
    expect(logger.complaints).toEqual(["the SQLite outbox was moved or replaced: what waits there waits on"]);
  });
});

describe.skipIf(!sqliteLoads)("rows that something else deletes", () => {
  it("of deliveries are due no longer, and no longer counted", async () => {
    const outbox = open();
    await outbox.put([submission("evt_1"), submission("evt_2")]);
    execute("DELETE FROM deliveries WHERE id = 'dlv_evt_1'");
    expect(await claimedFrom(outbox)).toEqual(["dlv_evt_2"]);
    expect(await outbox.due()).toEqual({ endpointIds: [] });
    await until(async () => (await outbox.counts())[0]?.pending === 0);
    expect(await outbox.counts()).toMatchObject([{ endpointId: "ops", pending: 0, delivering: 1 }]);
    expect(logger.complaints).toEqual(["the SQLite outbox lost deliveries that waited"]);
  });

  it("of events leave their deliveries dead, and the others go on", async () => {
    const outbox = open();
    await outbox.put([submission("evt_1"), submission("evt_2")]);
    execute("DELETE FROM events WHERE id = 'evt_1'");
    expect(await claimedFrom(outbox)).toEqual(["dlv_evt_2"]);
    expect(await claimedFrom(outbox)).toEqual([]);
    expect(await outbox.due()).toEqual({ endpointIds: [] });
    expect(await outbox.counts()).toMatchObject([{ pending: 0, delivering: 1, dead: 1 }]);
    expect(logger.lines.at(-1)).toEqual({
      level: "error",
      fields: { endpoint: "ops", count: 1 },
      message: "the SQLite outbox lost the events of deliveries",
    });
  });
});
