import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memoryOutbox } from "../../src/index.ts";
import { defaultChoice, openOutbox, outboxKinds } from "../../src/outbox/kinds.ts";
import { postgresOutbox } from "../../src/outbox/postgres/index.ts";
import { redisOutbox } from "../../src/outbox/redis/index.ts";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { root, runProgram } from "../support/program.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { submission } from "../support/submission.ts";

const choices = [
  { type: "memory", maxDeliveries: 3 },
  defaultChoice("/nowhere"),
  { type: "postgres", url: "postgres://127.0.0.1:1/nowhere" },
  { type: "redis", url: "redis://127.0.0.1:1" },
];

describe("the list of outboxes", () => {
  it("is all that is tried here", () => {
    expect(choices.map(({ type }) => type)).toEqual(outboxKinds.map(({ name }) => name));
  });

  it.each(choices)("opens an outbox that promises what its kind says: $type", async (choice) => {
    const kind = outboxKinds.find(({ name }) => name === choice.type);
    const outbox = await openOutbox(choice);
    expect(outbox).toMatchObject({ name: kind?.name, guarantees: kind?.guarantees });
    await outbox.close();
  });

  it.skipIf(!sqliteLoads)("opens an outbox that goes by the clock it is given", async () => {
    const outbox = await openOutbox(
      { type: "sqlite", path: join(temporaryFolder(), "x.db") },
      { now: () => 7 },
    );
    await outbox.put([submission("evt_1", { at: 8 })]);
    expect(await outbox.due()).toEqual({ endpointIds: [], nextAt: 8 });
    await outbox.close();
  });

  it("loads no store and no optional package for a program that only uses memory", async () => {
    const record = `data:text/javascript,${encodeURIComponent(`
      import { writeSync } from "node:fs";
      export function load(url, context, next) { writeSync(1, url + "\\n"); return next(url, context); }`)}`;
    const program = `
      import { register } from "node:module";
      register(${JSON.stringify(record)});
      const { WebhookManager } = await import(${JSON.stringify(join(root, "dist/src/index.js"))});
      const webhooks = new WebhookManager({ config: false });
      await webhooks.start();
      await webhooks.triggerEvent("cache.updated");
      await webhooks.close();`;
    const { code, stdout } = await runProgram(process.execPath, ["--input-type=module", "--eval", program]);
    expect(code).toBe(0);
    const loaded = stdout
      .trim()
      .split("\n")
      .map((url) => url.replace(`file://${root}`, ""));
    expect(loaded).toContain("dist/src/outbox/memory/memory-outbox.js");
    const ofOthers = loaded.filter((path) =>
      /src\/outbox\/(?!memory)\w+\/|better-sqlite3|bullmq|ioredis|node_modules\/pg/.test(path),
    );
    expect(ofOthers.map((path) => path.replace("dist/src/outbox/", "")).toSorted()).toEqual([
      "postgres/kind.js",
      "postgres/options.js",
      "redis/kind.js",
      "redis/options.js",
      "sqlite/kind.js",
      "sqlite/options.js",
    ]);
  });
});

describe("an outbox made in code", () => {
  it.each([
    [
      () => sqliteOutbox({ pth: "x.db" } as never),
      "In the options of sqliteOutbox(): unknown key `pth`; did you mean `path`?",
    ],
    [() => sqliteOutbox({} as never), "Expected `path` of sqliteOutbox() to be a path, got undefined"],
    [
      () => sqliteOutbox({ path: "x.db", leaseMs: -1 }),
      "Expected `leaseMs` of sqliteOutbox() to be from 1, got `-1`",
    ],
    [
      () => redisOutbox({ leaseMs: 10 }),
      "Expected `leaseMs` of redisOutbox() to be from 500 to 3600000, got `10`",
    ],
    [
      () => redisOutbox({ prefx: "p" } as never),
      "In the options of redisOutbox(): unknown key `prefx`; did you mean `prefix`?",
    ],
    [
      () => postgresOutbox({ conectionString: "postgres://" } as never),
      "In the options of postgresOutbox(): unknown key `conectionString`; did you mean `connectionString`?",
    ],
    [
      () => postgresOutbox({}),
      "Expected `connectionString` of postgresOutbox() to be given, or else `pool`, got neither",
    ],
    [
      () => postgresOutbox({ connectionString: "mysql://user:canary@host/db" }),
      "Expected `connectionString` of postgresOutbox() to be a URL that starts with postgres:// or postgresql://, got",
    ],
    [
      () => memoryOutbox({ maxDeliveries: "10" } as never),
      'Expected `maxDeliveries` of memoryOutbox() to be a whole number from 1 to 100000000, got `"10"`',
    ],
  ])("is refused with one sentence where an option does not fit: %s", (make, sentence) => {
    expect(make).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", detail: expect.stringContaining(sentence) }),
    );
  });
});
