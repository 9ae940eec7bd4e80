/** Options of plugins: what is misspelt or of another type is refused, in code and in the configuration file. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkOptions } from "mova-webhooks/plugin";
import { cache, config, error, llm, redis, validation } from "mova-webhooks/plugins";
import { beforeEach, describe, expect, it } from "vitest";
import { testManager } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const invalid: unknown = expect.objectContaining({ code: "CONFIG_INVALID" });

type Factory = (options?: never) => unknown;
const factories: Readonly<Record<string, Factory>> = { cache, config, error, llm, redis, validation };

const wrong: [plugin: string, options: object, message: string][] = [
  [
    "cache",
    { includeValue: true },
    "unknown key `includeValue`; did you mean `includeValues`? Known here: includeValues",
  ],
  ["cache", { includeValues: "false" }, "`includeValues` of plugin `cache` to be true or false, got a text"],
  ["llm", { includeContents: true }, "Known here: includeContent, now"],
  ["llm", { now: 5 }, "`now` of plugin `llm` to be a function, got a number"],
  ["validation", { maxErrors: -1 }, "`maxErrors` of plugin `validation` to be a number from 0"],
  ["validation", { includeMessages: null }, "to be true or false, got null"],
  ["redis", { url: "redis://x" }, "In the options of plugin `redis`: unknown key `url`; none is known here"],
  ["error", { maxPerSecond: 5 }, "unknown key `maxPerSecond`; none is known here"],
  ["config", { keys: [] }, "unknown key `keys`"],
  ["cache", [true], "`options` of plugin `cache` to be an object, got a list"],
];

describe("a built-in plugin", () => {
  it.each(wrong)("called as `%s` refuses %j", (name, options, message) => {
    const make = (): unknown => factories[name]?.(options as never);
    expect(make).toThrow(message);
    expect(make).toThrow(invalid);
  });

  it("takes every option it has, and undefined for any", () => {
    const makeAll = (): unknown[] => [
      validation({ includeMessages: true, maxErrors: Infinity, now: () => 0 }),
      llm({ includeContent: true, now: () => 0 }),
      cache({ includeValues: true }),
      cache({ includeValues: undefined } as object),
      ...Object.values(factories).map((make) => make({} as never)),
    ];
    expect(makeAll).not.toThrow();
  });
});

describe("a configuration file", () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });

  async function start(plugin: object): Promise<void> {
    const path = join(folder, "mova.config.yaml");
    writeFileSync(path, JSON.stringify({ webhook: { plugins: [plugin] } }));
    await testManager({ config: path }).start();
  }

  it.each(wrong)("with %s and the options %j is refused in the same words", async (use, options, message) => {
    await expect(start({ use, options })).rejects.toThrow(message);
    await expect(start({ use, options })).rejects.toThrow(invalid);
  });

  it("may leave the options empty", async () => {
    await expect(start({ use: "cache", options: null })).resolves.toBeUndefined();
  });
});

describe("checkOptions", () => {
  const rules = {
    names: "string[]",
    limit: "number",
    title: "string",
    mode: { expected: "fast or safe", fits: (value: unknown) => value === "fast" || value === "safe" },
  } as const;
  const check = (options: object, at?: string): void =>
    checkOptions<Record<keyof typeof rules, unknown>>("parcels", options as never, rules, at);

  it.each([
    [{ names: "a" }, "`names` of plugin `parcels` to be a list of texts, got a text"],
    [{ names: ["a", 1] }, "`names` of plugin `parcels` to be a list of texts, got a list"],
    [{ limit: Number.NaN }, "`limit` of plugin `parcels` to be a number"],
    [{ title: 5 }, "`title` of plugin `parcels` to be a text, got a number"],
    [{ mode: "slow" }, "`mode` of plugin `parcels` to be fast or safe, got a text"],
  ])("refuses %j", (options, message) => {
    expect(() => check(options)).toThrow(message);
  });

  it("names where options stand that are part of others", () => {
    expect(() => check({ limit: "5" }, "rules[0]")).toThrow("Expected `rules[0].limit` of plugin `parcels`");
    expect(() => check({ limits: 5 }, "rules[0]")).toThrow(
      "In `rules[0]` of plugin `parcels`: unknown key `limits`; did you mean `limit`?",
    );
  });

  it("never quotes a value", () => {
    expect(() => check({ names: "hunter2" })).toThrow(/^(?!.*hunter2)/s);
    expect(() => check({ limit: "hunter2" })).toThrow(/^(?!.*hunter2)/s);
  });

  it("takes what fits", () => {
    expect(() => check({ names: [], limit: -0.5, title: "", mode: "safe" })).not.toThrow();
    expect(() => check({ limit: undefined })).not.toThrow();
  });
});
