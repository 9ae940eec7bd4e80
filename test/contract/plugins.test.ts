/** Every built-in plugin keeps the published contract. */
import { connect, createServer, type Socket } from "node:net";
import * as builtIn from "mova-webhooks/plugins";
import { definePlugin } from "mova-webhooks/plugin";
import { describe, expect, it } from "vitest";
import { builtInPlugins } from "../../src/plugin/built-in.ts";
import type { AnyPlugin } from "../../src/plugin/contract.ts";
import { pluginSuite } from "../../src/testing/plugin-suite.ts";
import { childProject } from "../support/child-project.ts";
import { runProgram } from "../support/program.ts";
import { listening } from "../support/listening.ts";

const plugins: AnyPlugin[] = Object.values(builtIn).map((factory) => factory());

/** Turns what a case throws at once into a rejection. */
async function attempt(run: () => void | Promise<void>): Promise<void> {
  await run();
}

describe.each(plugins.map((plugin) => [plugin.name, plugin] as const))("plugin %s", (_, plugin) => {
  it.each(pluginSuite)("$name", async ({ run }) => {
    await expect(attempt(() => run(plugin))).resolves.toBeUndefined();
  });
});

describe("the plugin suite", () => {
  it("covers the built-in plugins", () => {
    expect(plugins.map((plugin) => plugin.name).sort()).toEqual([
      "cache",
      "config",
      "error",
      "llm",
      "redis",
      "span",
      "validation",
    ]);
    expect(Object.keys(builtIn).toSorted()).toEqual(builtInPlugins.toSorted());
  });

  it("fails for a plugin that breaks the contract everywhere", async () => {
    const good = definePlugin({
      contract: 1,
      name: "good",
      events: { "good.done": { summary: "It was done.", example: {} } },
      translate: {},
    });
    let calls = 0;
    const count = (): never => ({ type: "good.done", data: { calls: (calls += 1) } }) as never;
    const undeclared = (): never => ({ type: "other.type", data: {} }) as never;
    const listening = (event: string, detaches: boolean) => () => {
      const listener = (): void => {};
      process.on(event, listener);
      return () => void (detaches && process.off(event, listener));
    };
    const broken: Record<string, object> = {
      "speaks contract 1": { contract: 2 },
      "has a name of 1 to 64 of a-z, 0-9, - and _": { name: "Not Good" },
      "declares at least one event, each under its own prefix": { name: "other" },
      "describes each event in one sentence": {
        events: { "good.done": { summary: "no sentence", example: {} } },
      },
      "has examples that come through JSON unchanged": {
        events: { "good.done": { summary: "It was done.", example: { at: new Date(0) } } },
      },
      "has examples that fit their own schema": {
        events: {
          "good.done": {
            summary: "It was done.",
            example: {},
            schema: { "~standard": { validate: async () => ({ issues: [{ message: "no" }] }) } },
          },
        },
      },
      "translates with functions only": { translate: { "config:updated": {} } },
      "translates a component event that lacks everything without breaking, into its own events or nothing": {
        translate: { "config:updated": undeclared },
      },
      "translates alike what is alike": { translate: { "config:updated": count } },
      "names the library of every object it watches": { instrument: { objects: [{ library: "" }] } },
      "does not recognise, and survives, objects of no library": {
        instrument: { objects: [{ library: "x", recognises: () => true }] },
      },
      "patches modules in ranges with two ends, and survives exports that hold nothing it knows": {
        instrument: { modules: [{ module: "x", versions: ">=1.0.0", patch: () => {} }] },
      },
      "leaves no listener on the process once it is detached, and can be attached again": {
        instrument: { attach: listening("mova-webhooks-test", false) },
      },
      "does not change what the process does with errors while it is attached": {
        instrument: { attach: listening("unhandledRejection", true) },
      },
      "holds no process open while it is attached": {
        instrument: {
          attach() {
            const timer = setInterval(() => {}, 60_000);
            return () => clearInterval(timer);
          },
        },
      },
    };
    expect(Object.keys(broken)).toEqual(pluginSuite.map(({ name }) => name));
    for (const { name, run } of pluginSuite) {
      await expect(attempt(() => run(good as AnyPlugin))).resolves.toBeUndefined();
      const breaking = { ...good, ...broken[name] } as AnyPlugin;
      await expect(attempt(() => run(breaking))).rejects.toBeInstanceOf(Error);
    }
    process.removeAllListeners("mova-webhooks-test");
  });

  it("lets a plugin connect that lets go of its connection once it is there, and refuses one that does not", async () => {
    const port = await listening(createServer((socket) => socket.unref()));
    const connecting = (connected: (socket: Socket) => void) =>
      definePlugin({
        contract: 1,
        name: "connecting",
        events: {},
        translate: {},
        instrument: {
          attach() {
            const socket = connect(port, "127.0.0.1", () => connected(socket));
            return () => void socket.destroy();
          },
        },
      }) as AnyPlugin;
    const { run } = pluginSuite.find(({ name }) => name.startsWith("holds no process open")) ?? {};
    await expect(run?.(connecting((socket) => socket.unref()))).resolves.toBeUndefined();
    await expect(run?.(connecting(() => {}))).rejects.toThrow("unref()");
  });

  function attaching(attach: () => unknown, translate: object = {}): AnyPlugin {
    const events = { "good.done": { summary: "It was done.", example: {} } };
    return { contract: 1, name: "good", events, translate, instrument: { attach } } as never;
  }

  /** The messages of all cases that a plugin fails. */
  async function failures(plugin: AnyPlugin): Promise<Set<string>> {
    const messages = new Set<string>();
    for (const { run } of pluginSuite) {
      await attempt(() => run(plugin)).catch((error: Error) => messages.add(error.message));
    }
    return messages;
  }

  it("passes a plugin that takes a moment to end, and none whose end fails or never comes", async () => {
    const slow = new Promise((resolve) => setImmediate(resolve));
    expect(await failures(attaching(() => async () => slow))).toEqual(new Set());
    const failing = attaching(() => async () => {
      throw new Error("no such connection");
    });
    expect(await failures(failing)).toEqual(new Set(["no such connection"]));
    const message = "what `attach` of plugin `good` returned is asynchronous and did not end within 2 s";
    expect(await failures(attaching(() => () => new Promise(() => {})))).toEqual(new Set([message]));
  });

  it("says what is asynchronous in the words of the host", async () => {
    const attach = async (): Promise<never> => {
      throw new Error("nobody waits for this");
    };
    expect([...(await failures(attaching(attach)))]).toEqual([
      expect.stringMatching(/^Expected `attach` of plugin `good` to return the function .* got a promise\./),
    ]);
    const translate = { "config:updated": async () => undefined };
    expect([...(await failures(attaching(() => () => {}, translate)))]).toEqual([
      expect.stringMatching(/^Plugin `good` translates with an asynchronous function\./),
    ]);
  });

  it("names an event that no plugin declares in the words of the host", async () => {
    const translate = { "config:updated": () => [{ type: "toString" }] };
    expect([...(await failures(attaching(() => () => {}, translate)))]).toEqual([
      expect.stringMatching(/^Plugin `good` made an event of the undeclared type `toString`\./),
    ]);
  });

  it("lets its runner end although a plugin holds the process open for good", async () => {
    const project = childProject();
    project.write(
      "plugin.test.mjs",
      `import test from "node:test";
      import { createServer } from "node:net";
      import { pluginSuite } from "mova-webhooks/testing";
      const plugin = {
        contract: 1, name: "good", events: { "good.done": { summary: "It was done.", example: {} } }, translate: {},
        instrument: {
          attach() {
            setInterval(() => {}, 60_000);
            createServer().listen(0, "127.0.0.1");
            return () => {};
          },
        },
      };
      for (const { name, run } of pluginSuite) test(name, () => run(plugin));`,
    );
    const { folder } = project;
    const { code, stdout } = await runProgram(
      process.execPath,
      ["--test", "--test-reporter=tap", "plugin.test.mjs"],
      { folder },
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/the process cannot end: call `unref\(\)` on what `attach` starts \(.*Timeout/);
    expect(stdout).toMatch(/# fail 1\n/);
  });
});
