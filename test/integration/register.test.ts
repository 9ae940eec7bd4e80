/** Programs that know nothing of us, started with `--import mova-webhooks/register`. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { FakeEndpoint } from "mova-webhooks/testing";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type ChildProject,
  childProject,
  type RunOptions,
  webhookEnvironment,
} from "../support/child-project.ts";
import * as use from "../support/library-programs.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import type { Ended } from "../support/program.ts";
import { testEndpoint } from "../support/pipeline.ts";

let receiver: FakeEndpoint;
let project: ChildProject;

beforeEach(async () => {
  receiver = await testEndpoint();
  project = childProject();
});

interface Event {
  readonly event_type: string;
  readonly data: Record<string, unknown>;
}

const received = (): Event[] => receiver.requests.map(({ body }) => JSON.parse(body.toString()) as Event);
const types = (): string[] => received().map(({ event_type }) => event_type);

/** Runs a program without us and with us; answers how it ended both times. */
async function runTwice(name: string, text: string, options: RunOptions = {}): Promise<[Ended, Ended]> {
  project.write(name, text);
  const env = { ...webhookEnvironment(receiver.url), ...options.env };
  const alone = await project.run(name, { ...options, env, watched: false });
  return [alone, await project.run(name, { ...options, env })];
}

const invalid = `new Ajv().compile({ $id: "user", type: "string" })(1);`;
const importAjv = `import { Ajv } from "ajv";`;

describe("a program that ends by itself", () => {
  it.each(["mjs", "cjs"] as const)("is as it was, and its events are at the receiver (.%s)", async (form) => {
    const uses = [use.ajv, use.ajv2020, use.zod, use.keyv, use.lruCache, use.cacheManager];
    // A file makes us load zod for ourselves, before the program does.
    project.write("mova.config.yaml", "webhook:\n  max_retries: 2\n");
    const [alone, watched] = await runTwice(`app.${form}`, use.programOf(uses, form));
    expect(alone).toMatchObject({ code: 0, stderr: "" });
    expect(watched).toEqual(alone);
    const expected = uses.flatMap(({ events }) => events);
    expect(types().sort()).toEqual(expected.map(([type]) => type).sort());
    for (const [event_type, data] of expected) {
      expect(received()).toContainEqual(
        expect.objectContaining({ event_type, data: expect.objectContaining(data) }),
      );
    }
  });

  it("keeps its exit code", async () => {
    const [alone, watched] = await runTwice("app.mjs", `${importAjv} ${invalid} process.exitCode = 4;`);
    expect(watched).toEqual(alone);
    expect([watched.code, types()]).toEqual([4, ["validation.started", "validation.failed"]]);
  });

  it("keeps exit code and warning of an `await` that never ends", async () => {
    const [alone, watched] = await runTwice(
      "app.mjs",
      `${importAjv} ${invalid} await new Promise(() => {});`,
    );
    expect(watched).toEqual(alone);
    expect(watched.code).toBe(13);
    expect(types()).toHaveLength(2);
  });

  it("is not held for longer than a few seconds by a receiver that does not answer", async () => {
    receiver.answerWith(() => {});
    const [alone, watched] = await runTwice("app.mjs", `${importAjv} ${invalid}`);
    expect(watched).toEqual(alone);
    expect(types()).toEqual(["validation.started", "validation.failed"]);
  });

  it("finds our manager as its own, and what it instruments itself besides makes one event", async () => {
    project.write(
      "app.mjs",
      `${importAjv} import { getWebhookManager, triggerWebhookEvent } from "mova-webhooks";
      const manager = getWebhookManager();
      const validate = manager.instrument(manager.instrument(new Ajv()).compile({ type: "string" }));
      validate(1);
      await triggerWebhookEvent("config.updated", { keys: [] });`,
    );
    await project.run("app.mjs", { env: webhookEnvironment(receiver.url) });
    expect(types().sort()).toEqual(["config.updated", "validation.failed", "validation.started"]);
  });
});

describe.skipIf(!sqliteLoads)("a program that ends early leaves its events to the next run", () => {
  const endings: [string, string, RunOptions, Partial<Ended>][] = [
    ["that calls process.exit()", `process.exit(3);`, {}, { code: 3 }],
    ["that throws", `throw new RangeError("at once");`, {}, { code: 1 }],
    [
      "that rejects",
      `Promise.reject(new RangeError("at once")); setInterval(() => {}, 1000);`,
      {},
      { code: 1 },
    ],
    [
      "that is killed by a signal it does not handle",
      `setTimeout(() => console.log("ready"), 50); setInterval(() => {}, 1000);`,
      { kill: "SIGTERM" },
      { code: null, signal: "SIGTERM" },
    ],
    [
      "that handles the signal itself",
      `process.on("SIGINT", () => process.exit(7)); console.log("ready"); setInterval(() => {}, 1000);`,
      { kill: "SIGINT" },
      { code: 7, signal: null },
    ],
  ];

  it.each(endings)("one %s", async (_, end, options, how) => {
    // Nothing can be sent while it runs.
    receiver.answerWith(503);
    const [alone, watched] = await runTwice("app.mjs", `${importAjv} ${invalid} ${end}`, options);
    expect(watched).toEqual(alone);
    expect(watched).toMatchObject(how);
    receiver.answerWith(204);
    const before = receiver.requests.length;
    const expected = [
      "validation.failed",
      "validation.started",
      ...(how.code === 1 ? ["error.occurred"] : []),
    ];
    project.write(
      "next.mjs",
      `import { getWebhookManager } from "mova-webhooks";
      const delivered = async () => (await getWebhookManager().find({ state: "delivered" })).deliveries.length;
      while ((await delivered()) < ${expected.length}) await new Promise((resolve) => setTimeout(resolve, 20));`,
    );
    await project.run("next.mjs", { env: webhookEnvironment(receiver.url) });
    expect(types().slice(before).sort()).toEqual(expected.sort());
  });
});

describe("what is wrong is said once, and the program runs on", () => {
  const program = `${importAjv} ${invalid} console.log("done");`;

  it("with nothing configured nothing is done, said or written", async () => {
    project.write(
      "app.mjs",
      `${program} console.log(process.listenerCount("exit"), process.listenerCount("beforeExit"));`,
    );
    const alone = await project.run("app.mjs", { watched: false });
    expect(await project.run("app.mjs")).toEqual(alone);
    expect(alone.stdout).toMatch(/^done/);
    expect(existsSync(join(project.folder, "mova-webhooks.db"))).toBe(false);
  });

  it("with a wrong configuration", async () => {
    project.write("mova.config.yaml", "webhook:\n  timeout: soon\n");
    const [alone, watched] = await runTwice("app.mjs", program);
    expect(watched).toEqual({ ...alone, stderr: watched.stderr });
    expect(watched.stderr).toMatch(
      /^mova-webhooks: mova\.config\.yaml:2:12[^]*The program runs without webhooks\.\n$/,
    );
    expect(types()).toEqual([]);
  });

  it("with a plugin that throws when it is imported", async () => {
    project.write("bad.mjs", `\nthrow new Error("no such table");`);
    project.write("mova.config.yaml", "webhook:\n  plugins: [validation, ./bad.mjs]\n");
    const [alone, watched] = await runTwice("app.mjs", program);
    expect(watched).toEqual({ ...alone, stderr: watched.stderr });
    expect(watched.stderr).toMatch(
      /^mova-webhooks: The import of .*bad\.mjs` failed: Error: no such table, at .*bad\.mjs:2:7\.[^]*without webhooks\.\n$/,
    );
  });

  it.skipIf(!sqliteLoads)(
    "with a database that cannot be written, and then keeps events in memory",
    async () => {
      mkdirSync(join(project.folder, "mova-webhooks.db"));
      const [alone, watched] = await runTwice("app.mjs", program);
      expect(watched).toEqual({ ...alone, stderr: watched.stderr });
      expect(watched.stderr).toMatch(/^mova-webhooks: [^]*kept in memory/);
      expect(types()).toEqual(["validation.started", "validation.failed"]);
    },
  );

  it("with a plugin that throws wherever it can, the others go on", async () => {
    project.write(
      "bad.mjs",
      `const broken = () => { throw new Error("customer 4711"); };
      export default { contract: 1, name: "bad", events: { "bad.thing": { summary: "Bad.", example: {} } },
        translate: { "validation:failed": broken },
        instrument: {
          objects: [{ library: "bad", recognises: broken, attach: broken }],
          modules: [{ module: "ajv", versions: ">=8.0.0 <9.0.0", patch: broken }],
          attach: () => { setImmediate(() => {}); return broken; },
        } };`,
    );
    project.write("mova.config.yaml", "webhook:\n  plugins: [./bad.mjs, validation]\n");
    const [alone, watched] = await runTwice("app.mjs", program);
    expect(watched).toEqual(alone);
    expect(types()).toEqual(["validation.started", "validation.failed"]);
  });

  it("with a library version outside the range, which is logged once and left alone", async () => {
    const folder = join(project.folder, "node_modules/keyv");
    mkdirSync(folder);
    project.write(
      "node_modules/keyv/package.json",
      `{ "name": "keyv", "version": "9.1.0", "main": "index.js" }`,
    );
    project.write(
      "node_modules/keyv/index.js",
      `exports.Keyv = class Keyv { async set() { return true; } };`,
    );
    const keyv = `const { Keyv } = require("keyv"); require("keyv"); new Keyv().set("a", 1).then(console.log);`;
    const [alone, watched] = await runTwice("app.cjs", keyv, { env: { MOVA_WEBHOOK_LOG_LEVEL: "warn" } });
    expect(watched).toEqual({ ...alone, stderr: watched.stderr });
    const said = watched.stderr.split("\n").filter((line) => line.includes("not known"));
    expect(said.map((line) => JSON.parse(line))).toMatchObject([
      { module: "keyv", version: "9.1.0", plugin: "cache" },
    ]);
    const unlogged = await project.run("app.cjs", { env: webhookEnvironment(receiver.url) });
    const expected =
      "mova-webhooks: keyv 9.1.0 was loaded and is not watched: `cache` knows >=4.0.0 <7.0.0.\n";
    expect(unlogged).toEqual({ ...alone, stderr: expected });
    expect(types()).toEqual([]);
  });
});
