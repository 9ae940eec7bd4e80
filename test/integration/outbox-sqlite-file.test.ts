/** The file of the SQLite outbox: what it accepts as one, whose locks it respects, and how it takes over from the dead. */
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  realpathSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebhookManager } from "mova-webhooks";
import { WebhookError } from "../../src/event/errors.ts";
import type { ErrorCode } from "../../src/event/errors.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { SqliteOutbox } from "../../src/outbox/sqlite/sqlite-outbox.ts";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { collectingLogger } from "../support/collecting-logger.ts";
import { openFile, sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { startProgram } from "../support/program.ts";
import { until } from "../support/until.ts";
import { submission } from "../support/submission.ts";

let directory: string;
let path: string;
let outboxes: Outbox[];

beforeEach(() => {
  directory = temporaryFolder();
  path = join(directory, "outbox.db");
  outboxes = [];
});

afterEach(async () => {
  await Promise.all(outboxes.map((outbox) => outbox.close()));
});

function open(at = path): Outbox {
  const outbox = sqliteOutbox({ path: at });
  outboxes.push(outbox);
  return outbox;
}

async function failureOf(call: Promise<unknown>): Promise<WebhookError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!WebhookError.is(error)) throw new Error("expected a WebhookError", { cause: error });
  return error;
}

async function expectFailure(call: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  const error = await failureOf(call);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain(directory);
}

/** Claims until something is due; answers how much. */
async function claimWhenDue(outbox: Outbox): Promise<number> {
  let claimed = 0;
  await until(async () => (claimed = (await claimsOf(outbox, "ops", 10)).length) > 0);
  return claimed;
}

describe.skipIf(!sqliteLoads)("a file that is no outbox is refused with its name and what is wrong", () => {
  it("where it is not a database", async () => {
    writeFileSync(path, "a text file, long enough to be read as a page\n".repeat(100));
    await expectFailure(open().ping(), "OUTBOX_INVALID", /outbox\.db is not a database/);
  });

  it("where it belongs to another program, which is left as it was", async () => {
    const other = openFile(path);
    other.exec("CREATE TABLE notes (text)");
    other.close();
    await expectFailure(open().ping(), "OUTBOX_INVALID", /another program/);
    const again = openFile(path);
    expect(again.prepare("SELECT count(*) FROM sqlite_schema").pluck().get()).toBe(1);
    again.close();
  });

  it("where a newer version of this package wrote it", async () => {
    await open().ping();
    await outboxes[0]?.close();
    const database = openFile(path);
    database.pragma("user_version = 99");
    database.close();
    await expectFailure(open().ping(), "OUTBOX_INVALID", /has version 99, this package knows up to 2/);
  });

  it("where pages are damaged", async () => {
    const outbox = open();
    await outbox.put(Array.from({ length: 200 }, (_, index) => submission(`evt_${index}`)));
    await outbox.close();
    const bytes = readFileSync(path);
    for (let page = 4; page < bytes.length / 4096; page += 1)
      bytes.fill(0xa5, page * 4096, page * 4096 + 600);
    writeFileSync(path, bytes);
    await expectFailure(open().ping(), "OUTBOX_INVALID", /outbox\.db is damaged/);
  });

  it("where it is a directory", async () => {
    mkdirSync(path);
    await expect(open().ping()).rejects.toMatchObject({
      code: "OUTBOX_UNAVAILABLE",
      message: `The SQLite outbox ${path} is a directory, not a file. Set the path of the outbox to a file; it is created where there is none.`,
    });
  });

  it("where a file is in the place of its directory", async () => {
    writeFileSync(path, "");
    const below = join(path, "outbox.db");
    await expect(open(below).ping()).rejects.toMatchObject({
      code: "OUTBOX_UNAVAILABLE",
      message: `The SQLite outbox ${below} cannot be created: a file is in the place of its directory. Correct the path of the outbox.`,
    });
  });
});

describe.skipIf(!sqliteLoads)("a file that comes and goes", () => {
  it("is created once its directory exists, by the same outbox", async () => {
    const outbox = open(join(directory, "later", "outbox.db"));
    await expect(outbox.put([submission("evt_1")])).rejects.toMatchObject({
      code: "OUTBOX_UNAVAILABLE",
      message: `The SQLite outbox ${directory}/later/outbox.db cannot be created: there is no directory ${directory}/later. Create the directory, or correct the path of the outbox.`,
    });
    mkdirSync(join(directory, "later"));
    await outbox.put([submission("evt_1")]);
    expect((await outbox.get("dlv_evt_1"))?.state).toBe("pending");
  });

  it("is readable by its owner only", async () => {
    await open().put([submission("evt_1")]);
    for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["a link leads to before it is there", (file: string) => symlinkSync(`${file}.real`, file)],
    ["was made empty before, by `touch`", (file: string) => writeFileSync(file, "", { mode: 0o644 })],
  ])("that %s is readable by its owner only as well", async (_, prepare) => {
    prepare(path);
    await open().put([submission("evt_1")]);
    const real = realpathSync(path);
    for (const suffix of ["", "-wal", "-shm"]) expect(statSync(real + suffix).mode & 0o777).toBe(0o600);
  });

  it("that others may open, and did before, is left as it is and named in a warning", async () => {
    await open().ping();
    await outboxes[0]?.close();
    chmodSync(path, 0o644);
    const logger = collectingLogger();
    const outbox = sqliteOutbox({ path, logger });
    outboxes.push(outbox);
    await outbox.ping();
    expect(logger.lines).toEqual([
      {
        level: "warn",
        fields: { file: path, mode: "0644" },
        message: "other users may open the SQLite outbox; `chmod 600` it",
      },
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it("is left when it was replaced, so that nothing is written into a file that is gone", async () => {
    const outbox = sqliteOutbox({ path, leaseMs: 60 });
    outboxes.push(outbox);
    await outbox.put([submission("evt_1")]);
    const elsewhere = join(directory, "moved.db");
    for (const suffix of ["", "-wal", "-shm"]) renameSync(path + suffix, elsewhere + suffix);
    await until(async () => (await outbox.find({})).deliveries.length === 0);
    await outbox.put([submission("evt_2")]);
    await outbox.close();
    expect((await open().get("dlv_evt_2"))?.state).toBe("pending");
    expect((await open(elsewhere).get("dlv_evt_1"))?.state).toBe("pending");
  });

  it("keeps its settings for durability whatever opened it before", async () => {
    const other = openFile(path);
    other.pragma("journal_mode = DELETE");
    other.close();
    await open().put([submission("evt_1")]);
    const reader = openFile(path);
    expect(reader.pragma("journal_mode", { simple: true })).toBe("wal");
    reader.close();
  });
});

describe.skipIf(!sqliteLoads)("pruning", () => {
  it("leaves nothing of an event behind", async () => {
    const outbox = open();
    const { event, deliveries } = submission("evt_1");
    const content = { body: Buffer.from("own"), headers: {} };
    await outbox.put([
      { event, deliveries: deliveries.map((delivery) => ({ ...delivery, content, claim: true })) },
    ]);
    await outbox.put([{ ...submission("evt_nowhere"), deliveries: [] }]);
    await outbox.put([submission("evt_2")]);
    const [claim] = await claimsOf(outbox, "ops", 1);
    if (claim === undefined) throw new Error("nothing to claim");
    const attempt = { number: 1, replay: 0, startedAt: 1, durationMs: 1, outcome: "success" } as const;
    await outbox.settle(claim, { kind: "delivered" }, attempt);
    await outbox.close();
    const database = openFile(path);
    database.exec("UPDATE deliveries SET state = 2; UPDATE endpoints SET delivering = 0, delivered = 2");
    database.close();
    const again = open();
    expect(await again.prune({ keep: 0 })).toBe(2);
    const reader = openFile(path);
    for (const table of ["events", "deliveries", "attempts", "contents"]) {
      expect(reader.prepare(`SELECT count(*) FROM ${table}`).pluck().get()).toBe(0);
    }
    reader.close();
  });
});

describe.skipIf(!sqliteLoads)("endpoints that come and go", () => {
  const to = (endpointId: string) => {
    const { event, deliveries } = submission(`evt_${endpointId}`);
    return { event, deliveries: deliveries.map((each) => ({ ...each, endpointId })) };
  };
  const endpointsIn = (database: ReturnType<typeof openFile>): unknown[] =>
    database.prepare("SELECT id FROM endpoints ORDER BY key").pluck().all();

  it("are forgotten with the last of their deliveries", async () => {
    const outbox = open();
    await outbox.put(Array.from({ length: 300 }, (_, index) => to(`gone_${index}`)));
    await outbox.put([to("waiting")]);
    for (let index = 0; index < 300; index += 1) await outbox.bury(`gone_${index}`, "test");
    await outbox.prune({ keep: 0 });
    const reader = openFile(path);
    expect(endpointsIn(reader)).toEqual(["waiting"]);
    reader.close();
    expect(await outbox.counts()).toMatchObject([{ endpointId: "waiting", pending: 1 }]);
  });

  it("are known again to a process that knew them before another forgot them", async () => {
    const [one, other] = [open(), open()];
    for (const id of ["first", "second"]) {
      await one.put([to(id)]);
      await one.bury(id, "test");
    }
    await other.prune({ keep: 0 });
    await other.put([to("third")]);
    const [again] = [to("first")];
    await one.put([
      {
        ...again,
        event: { ...again.event, id: "evt_again" },
        deliveries: [{ id: "dlv_again", endpointId: "first", dueAt: 1 }],
      },
    ]);
    expect((await claimsOf(one, "first", 10)).map(({ id }) => id)).toEqual(["dlv_again"]);
    expect((await claimsOf(other, "third", 10)).map(({ id }) => id)).toEqual(["dlv_evt_third"]);
    expect(await other.counts()).toMatchObject([
      { endpointId: "second", delivering: 0 },
      { endpointId: "third", delivering: 1 },
      { endpointId: "first", delivering: 1 },
    ]);
  });
});

describe.skipIf(!sqliteLoads)("a file that a configuration names", () => {
  it("holds no more than the configuration allows", async () => {
    const config = join(directory, "mova.config.yaml");
    writeFileSync(
      config,
      `webhook:\n  outbox: { type: sqlite, path: ./x.db, max_deliveries: 2 }\n  endpoints: [{ id: ops, url: "https://example.com/", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw }]\n`,
    );
    const manager = new WebhookManager({ config });
    for (const n of [1, 2]) await manager.triggerEvent("cache.updated", { n });
    await expect(manager.triggerEvent("cache.updated", {})).rejects.toMatchObject({
      code: "OUTBOX_FULL",
      message: expect.stringContaining("2 of 2 deliveries"),
    });
    await manager.close();
  });
});

describe.skipIf(!sqliteLoads)("a reserve of disk space", () => {
  it("is held beside the file by whoever uses it, and readable by its owner only", async () => {
    const reserve = `${path}-reserve`;
    const outbox = sqliteOutbox({ path, leaseMs: 300 });
    outboxes.push(outbox);
    await outbox.ping();
    const { size, mode } = statSync(reserve);
    expect([size >= 1024 * 1024, mode & 0o777]).toEqual([true, 0o600]);
    rmSync(reserve);
    // Given up by another process: taken back, because there is room.
    await until(async () => statSync(reserve, { throwIfNoEntry: false })?.size === size);
    await outbox.put([submission("evt_1")]);
  });
});

describe.skipIf(!sqliteLoads)("another process's lock", () => {
  it("is waited for without blocking this one", async () => {
    const outbox = open();
    await outbox.ping();
    const other = openFile(path);
    other.exec("BEGIN IMMEDIATE");
    let isStored = false;
    const put = outbox.put([submission("evt_1")]).then(() => {
      isStored = true;
    });
    let turns = 0;
    await until(async () => (turns += 1) > 10);
    expect(isStored).toBe(false);
    expect(await outbox.counts()).toEqual([]);
    other.exec("COMMIT");
    other.close();
    await put;
    expect((await outbox.get("dlv_evt_1"))?.state).toBe("pending");
  });

  it("does not mix up the writes of several outboxes", async () => {
    const [one, other] = [open(), open()];
    const puts = Array.from({ length: 300 }, (_, index) => {
      return (index % 2 === 0 ? one : other).put([submission(`evt_${index}`)]);
    });
    await Promise.all(puts);
    expect((await one.find({ limit: 1000 })).deliveries).toHaveLength(300);
    expect((await other.counts())[0]?.pending).toBe(300);
  });
});

describe.skipIf(!sqliteLoads)("a put that cannot be stored", () => {
  it("fails alone, and those that shared its transaction are whole", async () => {
    const outbox = open();
    const broken = submission("evt_broken");
    const unstorable = { ...broken, event: { ...broken.event, createdAt: {} as unknown as number } };
    const results = await Promise.allSettled([
      outbox.put([submission("evt_1")]),
      outbox.put([unstorable]),
      outbox.put([submission("evt_2")]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: { code: "OUTBOX_UNAVAILABLE" } });
    expect((await outbox.find({ endpointId: "ops" })).deliveries.map(({ eventId }) => eventId)).toEqual([
      "evt_2",
      "evt_1",
    ]);
    expect(await outbox.event("evt_broken")).toBeUndefined();
    expect((await outbox.counts())[0]?.pending).toBe(2);
  });
});

describe.skipIf(!sqliteLoads)("a delivery held by a process that closes", () => {
  it("can be claimed by another at once", async () => {
    const [holder, other] = [
      sqliteOutbox({ path, leaseMs: 3_600_000 }),
      sqliteOutbox({ path, leaseMs: 3_600_000 }),
    ];
    outboxes.push(other);
    await holder.put([submission("evt_1")]);
    await claimsOf(holder, "ops", 1);
    await holder.close();
    expect(await claimsOf(other, "ops", 1)).toHaveLength(1);
  });
});

describe.skipIf(!sqliteLoads)("a process that claims in the moment it would be given up", () => {
  it("keeps its claim", async () => {
    const looks: (() => void)[] = [];
    const ticker = (_intervalMs: number, look: () => void) => {
      looks.push(look);
      return () => undefined;
    };
    const holder = new SqliteOutbox({ path, groupCommitMs: 0 }, ticker);
    const other = new SqliteOutbox({ path, groupCommitMs: 0 }, ticker);
    outboxes.push(holder, other);
    await holder.put([submission("evt_1")]);
    const [first] = await claimsOf(holder, "ops", 1);
    if (first === undefined) throw new Error("nothing to claim");
    await holder.settle(first, { kind: "retry", dueAt: 0, reason: "timeout" });
    await other.ping();
    const [holderLooks, otherLooks] = looks;
    for (let number = 0; number < 3; number += 1) otherLooks?.();
    for (let number = 0; number < 2; number += 1) holderLooks?.();
    const claiming = claimsOf(holder, "ops", 1);
    // Looks while the claim is on its way, and may write only after it.
    otherLooks?.();
    const [claim] = await claiming;
    await other.ping();
    if (claim === undefined) throw new Error("nothing to claim");
    expect(await holder.settle(claim, { kind: "delivered" })).toBe("settled");
  });
});

describe.skipIf(!sqliteLoads)("a delivery held by a process that was killed", () => {
  it("is taken over by the next to open the file, without waiting for the lease", async () => {
    const words = ["--import", "tsx", "test/fixtures/sqlite-holder.ts", path];
    const holder = startProgram(process.execPath, words);
    await until(() => holder.stdout() !== "");
    holder.child.kill("SIGKILL");
    await holder.ended;
    const outbox = sqliteOutbox({ path, leaseMs: 3_600_000 });
    outboxes.push(outbox);
    expect(await claimWhenDue(outbox)).toBe(1);
  });

  it("is taken over where another process has its id by now", async () => {
    const holder = open();
    await holder.put([submission("evt_1")]);
    await claimsOf(holder, "ops", 1);
    const database = openFile(path);
    database.prepare("UPDATE owners SET started = '1'").run();
    database.close();
    const outbox = sqliteOutbox({ path, leaseMs: 3_600_000 });
    outboxes.push(outbox);
    expect(await claimWhenDue(outbox)).toBe(1);
  });

  it("is not taken from a process that lives in another container, whatever its process id", async () => {
    const holder = open();
    await holder.put([submission("evt_1")]);
    await claimsOf(holder, "ops", 1);
    const database = openFile(path);
    database.prepare("UPDATE owners SET host = 'elsewhere', pid = 999999999").run();
    database.close();
    const outbox = sqliteOutbox({ path, leaseMs: 3_600_000 });
    outboxes.push(outbox);
    await outbox.ping();
    await outbox.ping();
    expect(await claimsOf(outbox, "ops", 1)).toEqual([]);
    expect((await outbox.counts())[0]?.delivering).toBe(1);
  });
});
