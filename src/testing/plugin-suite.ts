/** The conformance suite for source plugins, for any test runner: each case resolves, or throws what is wrong. */
import assert from "node:assert/strict";
import { isEventType } from "../event/event-types.ts";
import type { AnyPlugin, Topic } from "../plugin/contract.ts";
import { undeclared } from "../plugin/refusals.ts";
import { withDeadline } from "../time/deadline.ts";
import { type CollectedDraft, collectingHost, translate } from "./collecting-host.ts";
import { type Started, watchStarted } from "./watch-started.ts";

/** Time for a plugin to end its connections in order. */
const detachTimeoutMs = 2000;

export interface PluginCase {
  readonly name: string;
  readonly run: (plugin: AnyPlugin) => void | Promise<void>;
}

export const pluginSuite: readonly PluginCase[] = [
  {
    name: "speaks contract 1",
    run: (plugin) => assert.equal(plugin.contract, 1),
  },
  {
    name: "has a name of 1 to 64 of a-z, 0-9, - and _",
    run: (plugin) => assert.match(plugin.name, /^[a-z][a-z0-9_-]{0,63}$/),
  },
  {
    name: "declares at least one event, each under its own prefix",
    run(plugin) {
      const types = Object.keys(plugin.events);
      assert.ok(types.length > 0, "no event is declared");
      for (const type of types) {
        assert.ok(isEventType(type), `${type} is no event type`);
        assert.ok(type.startsWith(`${plugin.name}.`), `${type} is outside the prefix ${plugin.name}.`);
      }
    },
  },
  {
    name: "describes each event in one sentence",
    run(plugin) {
      for (const [type, { summary }] of Object.entries(plugin.events)) {
        assert.match(summary, /^\S[^\n]*\.$/, `the summary of ${type} is not a sentence`);
      }
    },
  },
  {
    name: "has examples that come through JSON unchanged",
    run(plugin) {
      for (const [type, { example }] of Object.entries(plugin.events)) {
        assert.deepEqual(
          JSON.parse(JSON.stringify(example)),
          example,
          `the example of ${type} is not plain JSON`,
        );
      }
    },
  },
  {
    name: "has examples that fit their own schema",
    async run(plugin) {
      for (const [type, { example, schema }] of Object.entries(plugin.events)) {
        const result = await schema?.["~standard"].validate(example);
        assert.equal(result?.issues, undefined, `the example of ${type} breaks its schema`);
      }
    },
  },
  {
    name: "translates with functions only",
    run(plugin) {
      for (const [topic, translation] of Object.entries(plugin.translate)) {
        assert.equal(typeof translation, "function", `${topic} is not translated by a function`);
      }
    },
  },
  {
    name: "translates a component event that lacks everything without breaking, into its own events or nothing",
    run(plugin) {
      for (const topic of topicsOf(plugin)) {
        for (const draft of translate(plugin, topic, Object.freeze({}) as never)) {
          if (!isDeclared(plugin, draft)) throw undeclared(plugin.name, draft);
        }
      }
    },
  },
  {
    name: "translates alike what is alike",
    run(plugin) {
      for (const topic of topicsOf(plugin)) {
        const once = translate(plugin, topic, {} as never);
        assert.deepEqual(translate(plugin, topic, {} as never), once, `${topic} was translated in two ways`);
      }
    },
  },
  {
    name: "names the library of every object it watches",
    run(plugin) {
      for (const { library } of plugin.instrument?.objects ?? []) assert.match(library, /\S/);
    },
  },
  {
    name: "does not recognise, and survives, objects of no library",
    run(plugin) {
      for (const kind of plugin.instrument?.objects ?? []) {
        for (const [what, stranger] of strangers()) {
          assert.equal(kind.recognises(stranger), false, `${kind.library} was recognised in ${what}`);
        }
      }
    },
  },
  {
    name: "patches modules in ranges with two ends, and survives exports that hold nothing it knows",
    run(plugin) {
      const host = collectingHost(plugin);
      for (const { module, versions, patch } of plugin.instrument?.modules ?? []) {
        assert.match(versions, /^>=\d[\d.]* <\d[\d.]*$/, `${module} has no range such as >=4.0.0 <6.0.0`);
        for (const exports of [{}, Object.freeze({ default: null }), class {}]) patch(exports, host);
      }
    },
  },
  {
    name: "leaves no listener on the process once it is detached, and can be attached again",
    async run(plugin) {
      const before = processListeners();
      for (let round = 0; round < 2; round += 1) {
        await whileAttached(plugin, () => {});
        assert.deepEqual(processListeners(), before);
      }
    },
  },
  {
    name: "does not change what the process does with errors while it is attached",
    async run(plugin) {
      const events = ["uncaughtException", "unhandledRejection"];
      const before = events.map((event) => process.listenerCount(event));
      await whileAttached(plugin, () =>
        assert.deepEqual(
          events.map((event) => process.listenerCount(event)),
          before,
          "use `uncaughtExceptionMonitor`: these listeners turn a crash into exit code 0",
        ),
      );
    },
  },
  {
    name: "holds no process open while it is attached",
    run: (plugin) =>
      whileAttached(plugin, async (started) => {
        const kinds = (await started.held()).join(", ");
        assert.equal(
          kinds,
          "",
          `the process cannot end: call \`unref()\` on what \`attach\` starts (${kinds})`,
        );
      }),
  },
];

/** Attaches the plugin, looks, detaches it, and waits for that; a host does not wait, and only logs a failure. */
function whileAttached(plugin: AnyPlugin, look: (started: Started) => void | Promise<void>): Promise<void> {
  return watchStarted(() => {
    const detach: () => unknown = collectingHost(plugin).attach();
    return () => endOf(plugin, detach());
  }, look);
}

async function endOf(plugin: AnyPlugin, detached: unknown): Promise<void> {
  if (!(detached instanceof Promise)) return;
  await withDeadline(detached, detachTimeoutMs, () => {
    const problem = `what \`attach\` of plugin \`${plugin.name}\` returned is asynchronous and did not end within ${detachTimeoutMs / 1000} s`;
    throw new assert.AssertionError({ message: problem });
  });
}

function isDeclared(plugin: AnyPlugin, draft: CollectedDraft | null | undefined): boolean {
  return Object.hasOwn(plugin.events, String(draft?.type));
}

function topicsOf(plugin: AnyPlugin): Topic[] {
  return Object.keys(plugin.translate) as Topic[];
}

function processListeners(): [string | symbol, number][] {
  return process.eventNames().map((event) => [event, process.listenerCount(event)]);
}

function strangers(): [string, object][] {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const prickly = new Proxy(
    {},
    {
      get: () => {
        throw new Error("not to be read");
      },
    },
  );
  return [
    ["an empty object", {}],
    ["an object without a prototype", Object.create(null) as object],
    ["a frozen object", Object.freeze({ name: "frozen" })],
    ["a list", []],
    ["a date", new Date(0)],
    ["a function", () => {}],
    ["a class", class {}],
    ["a revoked proxy", revoked.proxy],
    ["an object whose members throw", prickly],
  ];
}
