/** The SQLite outbox in a thread of its own: wherever a program runs, however it ends, and when the thread dies. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startThread } from "../../src/outbox/sqlite/thread-start.ts";
import { ThreadedOutbox } from "../../src/outbox/sqlite/threaded-outbox.ts";
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import { openFile, sqliteLoads } from "../support/native-sqlite.ts";
import { root, runProgram } from "../support/program.ts";
import { submission } from "../support/submission.ts";
import { until } from "../support/until.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { collectingLogger } from "../support/collecting-logger.ts";

const outboxModule = join(root, "dist/src/outbox/sqlite/index.js");
const tsx = join(root, "node_modules/tsx/dist/loader.mjs");
const mainModule = join(root, "dist/src/index.js");
const register = join(root, "dist/src/instrumentation/register.js");

let folder: string;
let path: string;
let threads: Worker[];
let outboxes: ThreadedOutbox[];

beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, "outbox.db");
  threads = [];
  outboxes = [];
});

afterEach(async () => {
  await Promise.all(outboxes.map((outbox) => outbox.close()));
});

function open(): ThreadedOutbox {
  const outbox = new ThreadedOutbox({ path, leaseMs: 60 }, (data) => {
    const worker = startThread(data);
    threads.push(worker);
    return worker;
  });
  outboxes.push(outbox);
  return outbox;
}

const eventsIn = (file: string): unknown[] => {
  const database = openFile(file);
  try {
    return database.prepare("SELECT id FROM events ORDER BY id").pluck().all();
  } finally {
    database.close();
  }
};

describe.skipIf(!sqliteLoads)("what travels between a program and the thread", () => {
  it("is whole: bytes, headers, claims of `put`, and claims of `claim`", async () => {
    const outbox = open();
    const { event, deliveries } = submission("evt_1", { body: Buffer.from("from a pool, which stays here") });
    const content = { body: Buffer.from([0, 255, 7]), headers: { "x-own": "yes" } };
    const [first] = deliveries;
    if (first === undefined) throw new Error("no delivery");
    const claimed = { ...first, claim: true, content };
    const [stored] = await outbox.put([{ event, deliveries: [{ ...first, id: "dlv_2" }, claimed] }]);
    expect(stored?.claims).toEqual([
      {
        id: first.id,
        endpointId: first.endpointId,
        event,
        content,
        attempt: 1,
        replay: 0,
        lease: expect.anything(),
      },
    ]);
    expect(stored?.claims[0]?.event).toBe(event);
    const [claim] = stored?.claims ?? [];
    if (claim === undefined) throw new Error("nothing claimed");
    expect(await outbox.settle(claim, { kind: "retry", dueAt: 0, reason: "timeout" })).toBe("settled");
    const again = await claimsOf(outbox, first.endpointId, 10);
    const own = again.find(({ id }) => id === first.id);
    expect(own?.content).toEqual(content);
    expect(Buffer.isBuffer(own?.content?.body)).toBe(true);
    expect(own?.event.body.equals(event.body)).toBe(true);
    expect((await outbox.event("evt_1"))?.event.body).toEqual(event.body);
  });

  it("is nothing but data, and what is not fails alone", async () => {
    const outbox = open();
    const { event, deliveries } = submission("evt_no_data");
    const results = await Promise.allSettled([
      outbox.put([submission("evt_1")]),
      outbox.put([{ event: { ...event, origin: (() => undefined) as never }, deliveries }]),
      outbox.put([submission("evt_2")]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: { code: "OUTBOX_UNAVAILABLE" } });
    expect(eventsIn(path)).toEqual(["evt_1", "evt_2"]);
  });

  it("are log lines too, with their errors", async () => {
    const logger = collectingLogger();
    const outbox = new ThreadedOutbox({ path, logger });
    outboxes.push(outbox);
    await outbox.put([submission("evt_1")]);
    const database = openFile(path);
    database.exec("DELETE FROM events");
    database.close();
    await claimsOf(outbox, "ops", 1);
    await outbox.ping();
    expect(logger.lines).toContainEqual({
      level: "error",
      fields: { endpoint: "ops", count: 1 },
      message: "the SQLite outbox lost the events of deliveries",
    });
  });
});

describe.skipIf(!sqliteLoads)("a thread that dies", () => {
  it("is started again, its death is the error of what was under way, and nothing accepted is lost", async () => {
    const outbox = open();
    const accepted: string[] = [];
    const refused: unknown[] = [];
    for (let round = 0; round < 5; round += 1) {
      const puts = Array.from({ length: 200 }, async (_, index) => {
        const id = `evt_${round}_${index}`;
        await outbox.put([submission(id)]).then(
          () => accepted.push(id),
          (error: unknown) => refused.push(error),
        );
        if (index === round * 40) void threads.at(-1)?.terminate();
      });
      await Promise.all(puts);
    }
    // The last one may be dying yet.
    await until(() =>
      outbox.ping().then(
        () => true,
        () => false,
      ),
    );
    expect(threads.length).toBeGreaterThan(1);
    const stored = new Set(eventsIn(path));
    expect(accepted.filter((id) => !stored.has(id))).toEqual([]);
    for (const error of refused) {
      expect(error).toMatchObject({
        code: "OUTBOX_UNAVAILABLE",
        detail: "The SQLite outbox outbox.db lost its thread",
      });
    }
  });

  it("gives back what it had claimed", async () => {
    const outbox = open();
    await outbox.put([submission("evt_1")]);
    expect(await claimsOf(outbox, "ops", 1)).toHaveLength(1);
    await threads[0]?.terminate();
    await expect.poll(() => claimsOf(outbox, "ops", 1), { timeout: 15_000 }).toHaveLength(1);
  });

  it("has its own error as the cause", async () => {
    const outbox = open();
    await outbox.ping();
    const under = outbox.find({ until: Symbol.for("no data") as never });
    await expect(under).rejects.toMatchObject({ code: "OUTBOX_UNAVAILABLE", cause: expect.any(Error) });
    await outbox.ping();
    expect(threads).toHaveLength(1);
  });
});

describe("a thread that cannot be started", () => {
  it("is said so with what helps, and is tried again with the next call", async () => {
    let isForbidden = true;
    const outbox = new ThreadedOutbox({ path }, (data) => {
      if (isForbidden) throw Object.assign(new Error("Access to this API"), { code: "ERR_ACCESS_DENIED" });
      return startThread(data);
    });
    outboxes.push(outbox);
    const message = /^The SQLite outbox outbox\.db cannot start its thread\. Let this program start threads/;
    const expected = expect.objectContaining({
      code: "OUTBOX_UNAVAILABLE",
      message: expect.stringMatching(message),
    });
    await expect(outbox.put([submission("evt_1")])).rejects.toEqual(expected);
    expect(() => outbox.putSync([submission("evt_1")])).toThrow(expected);
    if (!sqliteLoads) return;
    isForbidden = false;
    await outbox.put([submission("evt_1")]);
    expect(eventsIn(path)).toEqual(["evt_1"]);
  });
});

const put = `
  const submission = (id) => ({
    event: { id, type: "cache.updated", source: "api", createdAt: 1, body: Buffer.from("{}"), origin: "", decisions: [] },
    deliveries: [{ id: "dlv_" + id, endpointId: "ops", dueAt: 1 }],
  });
`;
const esm = `import { sqliteOutbox } from ${JSON.stringify(outboxModule)}; ${put}
  const outbox = sqliteOutbox({ path: "outbox.db" });`;
const commonJs = `const { sqliteOutbox } = require(${JSON.stringify(outboxModule)}); ${put}
  const outbox = sqliteOutbox({ path: "outbox.db" });`;
const silent = { code: 0, signal: null, stdout: "", stderr: "" };

/** Runs a program of these files; the first is started. */
async function run(files: Record<string, string>, words: string[] = [], env: NodeJS.ProcessEnv = {}) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const [entry = ""] = Object.keys(files);
  return runProgram(process.execPath, [...words, entry], { folder, env });
}

const store = `await outbox.put([submission("evt_1")]);`;

describe.skipIf(!sqliteLoads)("the thread", () => {
  it("holds no process open, whether or not its outbox is closed", async () => {
    expect(await run({ "app.mjs": `${esm} ${store}` })).toEqual(silent);
    expect(eventsIn(path)).toEqual(["evt_1"]);
    expect(await run({ "app.mjs": `${esm} ${store} await outbox.close();` })).toEqual(silent);
    expect(await run({ "app.mjs": esm })).toEqual(silent);
  });

  it("keeps a process open for what is on its way", async () => {
    const late = `for (let n = 10; n < 60; n += 1) void outbox.put([submission("evt_" + n)]);`;
    expect(await run({ "app.mjs": `${esm} ${late}` })).toEqual(silent);
    expect(eventsIn(path)).toHaveLength(50);
  });

  it.each([
    ["a CommonJS program", { "app.cjs": `${commonJs} (async () => { ${store} })();` }, []],
    ["tsx", { "app.mts": `${esm} const typed: string = ""; ${store}` }, ["--import", tsx]],
    [
      "a thread of the program's own",
      {
        "app.mjs": `import { Worker } from "node:worker_threads"; new Worker("./worker.mjs");`,
        "worker.mjs": `${esm} ${store}`,
      },
      [],
    ],
    [
      "a forked process",
      {
        "app.mjs": `import { fork } from "node:child_process"; fork("./child.mjs");`,
        "child.mjs": `${esm} ${store}`,
      },
      [],
    ],
    [
      "a worker of a cluster",
      {
        "app.mjs": `import cluster from "node:cluster";
          if (cluster.isPrimary) cluster.fork();
          else { await import("./store.mjs"); process.disconnect(); }`,
        "store.mjs": `${esm} ${store}`,
      },
      [],
    ],
    ["the inspector", { "app.mjs": `${esm} ${store}` }, ["--inspect=0"]],
    ["zero code", { "app.mjs": `${esm} ${store}` }, ["--import", register]],
    [
      "a CommonJS program under zero code",
      { "app.cjs": `${commonJs} (async () => { ${store} })();` },
      ["--import", register],
    ],
  ] as const)("works in %s", async (name, files, words) => {
    const ended = await run(files, [...words], { MOVA_WEBHOOK_OUTBOX: join(folder, "other.db") });
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 0, stdout: "" });
    if (name !== "the inspector") expect(ended.stderr).toBe("");
    expect(eventsIn(path)).toEqual(["evt_1"]);
  });

  it("is the only one that has a driver, and so the file", async () => {
    const look = `
      import { createRequire } from "node:module";
      const loaded = [...process.moduleLoadList, ...Object.keys(createRequire(import.meta.url).cache)];
      if (loaded.some((name) => /NativeModule sqlite|better-sqlite3/.test(name))) console.log("loaded here");`;
    const last = `outbox.putSync([submission("evt_2")]);`;
    expect(await run({ "app.mjs": `${esm} ${store} ${last} ${look}` })).toEqual(silent);
    expect(eventsIn(path)).toEqual(["evt_1", "evt_2"]);
  });

  it("works in a test of node:test", async () => {
    const text = `import test from "node:test"; ${esm} test("stores", async () => { ${store} });`;
    const ended = await run({ "app.test.mjs": text }, ["--test"]);
    expect(ended.code).toBe(0);
    expect(eventsIn(path)).toEqual(["evt_1"]);
  });

  it("takes nothing from the program that may stop it", async () => {
    const preload = `if (!require("node:worker_threads").isMainThread) throw new Error("preloaded in a thread");`;
    writeFileSync(join(folder, "preload.cjs"), preload);
    const env = { NODE_OPTIONS: `--require=${join(folder, "preload.cjs")}` };
    expect(await run({ "app.mjs": `${esm} ${store}` }, [], env)).toEqual(silent);
    const words = ["--require", join(folder, "preload.cjs")];
    expect(await run({ "app.mjs": `${esm} await outbox.ping();` }, words)).toEqual(silent);
    expect(eventsIn(path)).toEqual(["evt_1"]);
  });
});

describe.skipIf(!sqliteLoads)("the last moment of a process", () => {
  it("is stored by a thread that is only starting", async () => {
    const last = `process.on("exit", () => outbox.putSync([submission("evt_1")])); process.exit(3);`;
    expect(await run({ "app.mjs": `${esm} ${last}` })).toEqual({ ...silent, code: 3 });
    expect(eventsIn(path)).toEqual(["evt_1"]);
  });

  it("is stored with all that was on its way, settlements too", async () => {
    const last = `
      const [{ claims: [claim] }] = await outbox.put([{ ...submission("evt_1"),
        deliveries: [{ id: "dlv_1", endpointId: "ops", dueAt: 1, claim: true }] }]);
      void outbox.settle(claim, { kind: "delivered" });
      void outbox.put([submission("evt_2")]);
      process.on("exit", () => outbox.putSync([]));
      process.exit();`;
    expect(await run({ "app.mjs": `${esm} ${last}` })).toEqual(silent);
    expect(eventsIn(path)).toEqual(["evt_1", "evt_2"]);
    const database = openFile(path);
    expect(database.prepare("SELECT delivered FROM endpoints").pluck().all()).toEqual([1]);
    database.close();
  });

  it("in a thread of the program's own, too", async () => {
    const files = {
      "app.mjs": `import { Worker } from "node:worker_threads"; new Worker("./worker.mjs");`,
      "worker.mjs": `${esm} process.on("exit", () => outbox.putSync([submission("evt_1")])); process.exit();`,
    };
    expect(await run(files)).toEqual(silent);
    expect(eventsIn(path)).toEqual(["evt_1"]);
  });

  it("is over within seconds while another process holds the file", async () => {
    const outbox = open();
    await outbox.ping();
    const other = openFile(path);
    other.exec("BEGIN IMMEDIATE");
    expect(() => outbox.putSync([submission("evt_1")])).toThrow(
      expect.objectContaining({ code: "OUTBOX_UNAVAILABLE" }),
    );
    other.exec("COMMIT");
    other.close();
  });

  it("stores a fatal error under zero code before the process ends", async () => {
    const text = `import ${JSON.stringify(mainModule)}; throw new Error("fatal");`;
    const configured = { MOVA_WEBHOOK_OUTBOX: path, MOVA_WEBHOOK_URL: "http://127.0.0.1:9/" };
    const allowed = { MOVA_WEBHOOK_ALLOW: "127.0.0.0/8" };
    const env = { ...configured, ...allowed, MOVA_WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
    const ended = await run({ "app.mjs": text }, ["--import", register], env);
    expect(ended.code).toBe(1);
    expect(eventsIn(path)).toHaveLength(1);
  });
});
