/** Watching calls: the component's callers notice nothing. */
import { describe, expect, it } from "vitest";
import {
  definePlugin,
  patchMethod,
  sizeInBytes,
  type Watch,
  watchFunction,
  watchMethod,
} from "mova-webhooks/plugin";
import { collectingHost } from "../../src/testing/collecting-host.ts";
import { runModule } from "../support/program.ts";

const plugin = definePlugin({
  contract: 1,
  name: "any",
  events: { "any.thing": { summary: "Something happened.", example: {} } },
  translate: {},
});

/** A watch that writes down what it saw. */
function recorder(): { seen: unknown[][]; watch: Watch } {
  const seen: unknown[][] = [];
  const watch: Watch = (args) => {
    seen.push(["begins", ...args]);
    return {
      returned: (value) => seen.push(["returned", value]),
      threw: (error) => seen.push(["threw", error]),
    };
  };
  return { seen, watch };
}

/** Runs a program of its own; `thrown` is the line that names what ended it. */
async function run(program: string, ...args: string[]): Promise<object> {
  const { code, stdout, stderr } = await runModule(program, args);
  return { code, stdout, thrown: /^\w*Error: .*$/m.exec(stderr)?.[0] };
}

class Component {
  #secret = 1;
  add(by: number, _unused?: string): number {
    return (this.#secret += by);
  }
  addTwice(by: number): number {
    this.add(by);
    return this.add(by);
  }
  fail(error: unknown): never {
    throw error;
  }
  later<Value>(promise: Promise<Value>): Promise<Value> {
    return promise;
  }
}

describe("watchMethod", () => {
  it("keeps `this`, result, name, length and the object's own keys", () => {
    const host = collectingHost(plugin);
    const component = new Component();
    const { seen, watch } = recorder();
    expect(watchMethod(component, "add", host, watch)).toBe(true);
    expect(component.add(2)).toBe(3);
    expect(seen).toEqual([
      ["begins", 2],
      ["returned", 3],
    ]);
    expect([component.add.name, component.add.length]).toEqual(["add", 2]);
    expect(Object.keys(component)).toEqual([]);
  });

  it("lets the very same error through", () => {
    const host = collectingHost(plugin);
    const component = new Component();
    const { seen, watch } = recorder();
    watchMethod(component, "fail", host, watch);
    const error = { not: "an Error" };
    expect(() => component.fail(error)).toThrow(expect.toSatisfy((thrown) => thrown === error));
    expect(seen.at(-1)).toEqual(["threw", error]);
  });

  it("sees how a promise ends, and answers its continuation with the same value or the very same error", async () => {
    const host = collectingHost(plugin);
    const component = new Component();
    const { seen, watch } = recorder();
    watchMethod(component, "later", host, watch);
    const error = new Error("no");
    const value = {};
    expect(await component.later(Promise.resolve(value))).toBe(value);
    await expect(component.later(Promise.reject(error))).rejects.toBe(error);
    expect(seen.filter(([what]) => what !== "begins")).toEqual([
      ["returned", value],
      ["threw", error],
    ]);
  });

  it("hands on what starts its work in `then` untouched and unstarted", () => {
    const host = collectingHost(plugin);
    const { seen, watch } = recorder();
    let started = 0;
    class Lazy extends Promise<string> {
      override then<A, B>(...handlers: Parameters<Promise<string>["then"]>): Promise<A | B> {
        started += 1;
        return super.then(...handlers) as Promise<A | B>;
      }
    }
    const lazy = new Lazy((resolve) => resolve("lazy"));
    const query = { then: () => (started += 1) };
    const component = { give: (thenable: object) => thenable };
    watchMethod(component, "give", host, watch);
    expect(component.give(lazy)).toBe(lazy);
    expect(component.give(query)).toBe(query);
    expect([started, seen.map(([what]) => what)]).toEqual([0, ["begins", "begins"]]);
  });

  it("leaves a rejection that nobody handles unhandled: exit code and stderr are as without us", async () => {
    const program = `
      import { watchMethod } from ${JSON.stringify(new URL("../../src/plugin/contract.ts", import.meta.url).href)};
      const component = { fail: async () => { throw new RangeError("nobody waits for me"); } };
      if (process.argv.includes("watched")) {
        const host = { wants: () => true, publish() {}, log: console };
        watchMethod(component, "fail", host, () => ({ returned() {}, threw() {} }));
      }
      component.fail();
      setTimeout(() => console.log("survived"), 1000);
    `;
    const [bare, watched] = await Promise.all([run(program), run(program, "watched")]);
    expect(watched).toEqual(bare);
    expect(watched).toEqual({ code: 1, stdout: "", thrown: "RangeError: nobody waits for me" });
  });

  it("sees a call once when the instance and its prototype are both patched, in either order", () => {
    for (const instanceFirst of [true, false]) {
      class Local extends Component {}
      const host = collectingHost(plugin);
      const { seen, watch } = recorder();
      const component = new Local();
      const owners = instanceFirst ? [component, Local.prototype] : [Local.prototype, component];
      for (const owner of owners) watchMethod(owner, "add", host, watch);
      component.add(1);
      new Local().add(10);
      expect(seen.filter((entry) => entry[0] === "begins")).toEqual([
        ["begins", 1],
        ["begins", 10],
      ]);
    }
  });

  it("is put in place once per host", () => {
    const host = collectingHost(plugin);
    const component = new Component();
    watchMethod(component, "add", host, recorder().watch);
    const { add } = Object.getOwnPropertyDescriptors(component) as { add?: PropertyDescriptor };
    expect(watchMethod(component, "add", host, recorder().watch)).toBe(false);
    expect(Object.getOwnPropertyDescriptor(component, "add")).toEqual(add);
  });

  it("lets two hosts watch one object", () => {
    const component = new Component();
    const first = recorder();
    const second = recorder();
    watchMethod(component, "add", collectingHost(plugin), first.watch);
    watchMethod(component, "add", collectingHost(plugin), second.watch);
    component.add(1);
    expect([first.seen.length, second.seen.length]).toEqual([2, 2]);
  });

  it("does not see what a watched call calls on the same object", () => {
    const host = collectingHost(plugin);
    const { seen, watch } = recorder();
    const component = new Component();
    watchMethod(component, "add", host, watch);
    watchMethod(component, "addTwice", host, watch);
    component.addTwice(3);
    expect(seen).toEqual([
      ["begins", 3],
      ["returned", 7],
    ]);
    component.add(1);
    expect(seen).toHaveLength(4);
  });

  it("keeps its own failures from the caller, and logs their class without the message", async () => {
    const host = collectingHost(plugin);
    const component = new Component();
    watchMethod(component, "add", host, () => {
      throw new TypeError("customer 4711");
    });
    watchMethod(component, "later", host, () => ({
      returned() {
        throw new RangeError("customer 4711");
      },
    }));
    expect(component.add(1)).toBe(2);
    await expect(component.later(Promise.resolve(5))).resolves.toBe(5);
    await Promise.resolve();
    expect(host.logged.map(({ fields }) => fields)).toEqual([
      { error_type: "TypeError" },
      { error_type: "RangeError" },
    ]);
    expect(JSON.stringify(host.logged)).not.toContain("4711");
  });

  it("leaves a frozen object alone and says so", () => {
    const host = collectingHost(plugin);
    const component = Object.freeze(new Component());
    expect(watchMethod(component, "add", host, recorder().watch)).toBe(false);
    expect(component.add(1)).toBe(2);
    expect(host.logged).toHaveLength(1);
  });

  it("answers false where there is no such method", () => {
    expect(patchMethod(new Component(), "missing", collectingHost(plugin), (original) => original)).toBe(
      false,
    );
  });
});

describe("watchFunction", () => {
  it("answers a function with the properties and the `this` of the original", () => {
    const { seen, watch } = recorder();
    const original = Object.assign(
      function named(this: unknown, _a: number) {
        return this;
      },
      { errors: null as unknown },
    );
    const watched = watchFunction(original, collectingHost(plugin), watch);
    const self = {};
    expect(watched.call(self, 1)).toBe(self);
    original.errors = ["set by the function itself"];
    expect(watched.errors).toBe(original.errors);
    expect([watched.name, watched.length, seen.length]).toEqual(["named", 1, 2]);
  });
});

describe("sizeInBytes", () => {
  it("measures plain data exactly as its JSON text", () => {
    const documents = [
      null,
      true,
      -1.5,
      Number.NaN,
      [],
      [undefined, null],
      {},
      { a: undefined, b: () => 1 },
      { ä: 'ü€\n"\\', b: [1, { c: "\ud800" }] },
    ];
    for (const document of documents) {
      const json = JSON.stringify(document);
      expect([json, sizeInBytes(document)]).toEqual([json, Buffer.byteLength(json)]);
    }
  });

  it("measures texts and bytes as they are", () => {
    expect([sizeInBytes("ü"), sizeInBytes(new Uint8Array(7)), sizeInBytes(new ArrayBuffer(3))]).toEqual([
      2, 7, 3,
    ]);
  });

  it("does not run foreign code, follow cycles or walk what is big", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const unreachable = (): never => expect.unreachable();
    const hostile = { toJSON: unreachable };
    const big = Array.from({ length: 20_000 }, (_, index) => index);
    const lazy = Object.defineProperty({ plain: 1 }, "row", { get: unreachable, enumerable: true });
    const lazyItem = Object.defineProperty([1], 0, { get: unreachable });
    const strange = new (class extends Array<number> {
      override [Symbol.iterator] = unreachable;
    })(2);
    const traps = { get: unreachable, has: unreachable, ownKeys: unreachable, getPrototypeOf: unreachable };
    const proxies = [new Proxy({}, traps), new Proxy([], traps)];
    const unknown = [cycle, hostile, big, new Map(), new Date(0), 1n, undefined];
    for (const value of [...unknown, lazy, { inside: [lazy] }, lazyItem, strange, ...proxies]) {
      expect(sizeInBytes(value)).toBeUndefined();
    }
  });
});
