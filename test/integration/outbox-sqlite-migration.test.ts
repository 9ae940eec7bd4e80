/** A file that the first version of the schema wrote is brought to the current one, with all that is in it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { expect, it, onTestFinished } from "vitest";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { until } from "../support/until.ts";

/** Written by a process that was killed: a dead, a delivered, a retried, a waiting and a claimed delivery, and two events of an endpoint that was off. */
const written = fileURLToPath(new URL("../fixtures/sqlite-v1/outbox.db", import.meta.url));

function copied(): string {
  const path = join(mkdtempSync(join(tmpdir(), "mova-v1-")), "outbox.db");
  copyFileSync(written, path);
  return path;
}

function opened(path: string): Outbox {
  const outbox = sqliteOutbox({ path });
  onTestFinished(() => outbox.close());
  return outbox;
}

async function expectEverything(outbox: Outbox): Promise<void> {
  const states = (await outbox.find({ endpointId: "ops" })).deliveries.map(
    ({ eventId, state, attempts }) => `${eventId} ${state} ${attempts.length}`,
  );
  expect(new Set(states)).toEqual(
    new Set(["evt_dead dead 1", "evt_delivered delivered 1", "evt_retry pending 1"]),
  );
  const missed = (await outbox.missed("ops", { limit: 10 })).events.map(({ id }) => id);
  expect(missed).toEqual(["evt_off", "evt_off_alone"]);
  expect((await outbox.event("evt_off"))?.event.decisions).toEqual([
    { endpointId: "ops", routed: false, reason: "disabled" },
    { endpointId: "audit", routed: true, pattern: "*" },
  ]);
  expect((await outbox.event("evt_dead"))?.event.decisions).toEqual([
    { endpointId: "ops", routed: true, pattern: "*" },
  ]);
  // What the dead process held comes back.
  await until(async () => (await outbox.counts()).every(({ delivering }) => delivering === 0));
  const { claims } = await outbox.claim("audit", 10);
  expect(new Set(claims.map(({ event }) => event.id))).toEqual(new Set(["evt_off", "evt_claimed"]));
  const [retry] = (await outbox.claim("ops", 10)).claims;
  expect([retry?.event.id, retry?.attempt]).toEqual(["evt_retry", 2]);
}

it.skipIf(!sqliteLoads)(
  "dead, delivered, waiting and claimed deliveries are all there, and what an endpoint missed is found",
  async () => {
    const outbox = opened(copied());
    await expectEverything(outbox);
    const delivery = { id: "dlv_evt_off_ops", endpointId: "ops", dueAt: Date.now() };
    expect(await outbox.add([{ eventId: "evt_off", delivery }])).toBe(1);
    expect(await outbox.replay({ state: "dead" })).toEqual(["dlv_evt_dead_ops"]);
  },
);

const nodeMajor = Number(process.versions.node.split(".")[0]);

it.skipIf(!sqliteLoads)(
  "a process that is killed in the middle leaves the file as it was, for the next to go on",
  async () => {
    const path = copied();
    const script = `
    const { DatabaseSync = require("better-sqlite3") } = ${nodeMajor} >= 22 ? require("node:sqlite") : {};
    const database = new DatabaseSync(${JSON.stringify(path)});
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("BEGIN IMMEDIATE; ALTER TABLE store ADD COLUMN version INTEGER NOT NULL DEFAULT 0; DROP INDEX deliveries_waiting");
    process.kill(process.pid, "SIGKILL");`;
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    expect(spawnSync(process.execPath, ["-e", script], { cwd }).signal).toBe("SIGKILL");
    await expectEverything(opened(path));
  },
);

it.skipIf(!sqliteLoads)("two processes that open it at once bring it there together", async () => {
  const path = copied();
  const outboxes = [opened(path), opened(path)];
  await Promise.all(outboxes.map((outbox) => outbox.ping()));
  expect((await outboxes[1]?.get("dlv_evt_dead_ops"))?.state).toBe("dead");
});
