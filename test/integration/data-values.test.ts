/** Values that a program has and JSON has no form for: each is written sensibly, or refused with its place. */
import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";

/** What receivers get of data. */
async function received(data: unknown): Promise<unknown> {
  return JSON.parse(await receivedText(data)).data;
}

async function receivedText(data: unknown): Promise<string> {
  const endpoint = await testEndpoint();
  const manager = testManager({ endpoints: [{ url: endpoint.url, secret }] });
  await manager.start();
  await manager.triggerEvent("cache.updated", data);
  return String((await endpoint.received(1))[0]?.body);
}

class OutOfStock extends Error {
  readonly sku = "a-1";
}

class Point {
  readonly x = 1;
  readonly #y = 2;
  toText(): string {
    return `${this.x},${this.#y}`;
  }
}

const other = createContext({});

describe("data from code", () => {
  it.each<[what: string, value: unknown, written: unknown]>([
    ["an error", new TypeError("no user"), { name: "TypeError", message: "no user" }],
    [
      "an error with fields and a cause",
      Object.assign(new Error("no file", { cause: new OutOfStock("none") }), { code: "ENOENT" }),
      {
        ...{ name: "Error", message: "no file", code: "ENOENT" },
        cause: { name: "OutOfStock", message: "none", sku: "a-1" },
      },
    ],
    [
      "several errors in one",
      new AggregateError([new Error("a"), "b"], "both"),
      { name: "AggregateError", message: "both", errors: [{ name: "Error", message: "a" }, "b"] },
    ],
    ["an abort", AbortSignal.abort().reason, { name: "AbortError", message: "This operation was aborted" }],
    ["a Map", new Map<string, unknown>([["a", new Map([["b", 1]])]]), { a: { b: 1 } }],
    ["a Map with the name of a prototype", new Map([["__proto__", 1]]), JSON.parse('{"__proto__":1}')],
    ["a Set", new Set([1, new Set(["a"])]), [1, ["a"]]],
    ["a pattern", /^a+$/i, "/^a+$/i"],
    ["a query", new URLSearchParams({ a: "1", b: "&" }), "a=1&b=%26"],
    [
      "headers, of which credentials are hidden",
      new Headers([
        ["X-Trace", "1"],
        ["Authorization", "Bearer hidden-token"],
        ["Set-Cookie", "hidden=1"],
        ["Set-Cookie", "hidden=2"],
        ["x-api-key", "hidden"],
      ]),
      {
        authorization: "[redacted]",
        "set-cookie": ["[redacted]", "[redacted]"],
        "x-api-key": "[redacted]",
        "x-trace": "1",
      },
    ],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["an address", new URL("https://example.com/a"), "https://example.com/a"],
    ["bytes", new Uint8Array([1, 2]), { 0: 1, 1: 2 }],
    ["no bytes", new Uint8Array(), {}],
    ["an object of a class", new Point(), { x: 1 }],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["what writes itself", { toJSON: () => new Map([["a", 1]]) }, { a: 1 }],
    ["nothing", null, null],
    [
      "an error of another realm",
      runInContext('new RangeError("far")', other),
      { name: "RangeError", message: "far" },
    ],
    ["a Map of another realm", runInContext('new Map([["a", new Set([1])]])', other), { a: [1] }],
    ["an object of another realm", runInContext("({ a: { b: [1] } })", other), { a: { b: [1] } }],
  ])("has a form: %s", async (_, value, written) => {
    expect(await received({ value: [value] })).toEqual({ value: [written] });
    expect(await received(value)).toEqual(written);
  });

  it("never tells an error's stack", async () => {
    const error = new Error("x");
    const enumerable = Object.defineProperty(new Error("x"), "stack", {
      value: "at secret",
      enumerable: true,
    });
    for (const each of [error, enumerable, { error }]) {
      expect(await receivedText(each)).not.toMatch(/stack|at secret|data-values/);
    }
  });

  it.each<[what: string, value: unknown, message: string]>([
    ["a promise", { user: Promise.resolve(1) }, "`data.user` is a Promise, which JSON has no form for"],
    ["a WeakMap", [[new WeakMap()]], "`data[0][0]` is a WeakMap"],
    ["bytes without a view", { a: new ArrayBuffer(8) }, "`data.a` is a ArrayBuffer"],
    ["a response", new Response("x"), "`data` is a Response"],
    ["a form", { form: new FormData() }, "`data.form` is a FormData"],
    ["something inside a Map", { a: new Map([["b", Promise.resolve()]]) }, "`data.a.b` is a Promise"],
    ["a Map by objects", { a: new Map([[{}, 1]]) }, "`data.a` is a Map with a object as a key"],
    ["a Map by numbers", new Map([[1, "1"]]), "`data` is a Map with a number as a key"],
  ])("is refused with its place where there is none: %s", async (_, value, message) => {
    const refused = await testManager()
      .triggerEvent("cache.updated", value)
      .catch((why: unknown) => why);
    expect(refused).toMatchObject({ code: "DATA_UNSERIALISABLE" });
    expect(String(refused)).toContain(message);
  });

  it("that goes in a circle through a Map or a cause is refused as that", async () => {
    const map = new Map<string, unknown>();
    map.set("self", { map });
    const error = new Error("x");
    error.cause = error;
    for (const data of [map, { error }, { set: new Set([map]) }]) {
      const refused = await testManager()
        .triggerEvent("cache.updated", data)
        .catch((why: unknown) => why);
      expect(refused).toMatchObject({ code: "DATA_UNSERIALISABLE" });
      expect(String(refused)).toMatch(/cannot be written as JSON.*cycles/);
    }
  });

  it("nested too deep is called that", async () => {
    let data: unknown = "secret";
    for (let level = 0; level < 100_000; level += 1) data = [data];
    const refused = await testManager()
      .triggerEvent("cache.updated", data)
      .catch((why: unknown) => why);
    expect(refused).toMatchObject({ code: "DATA_UNSERIALISABLE" });
    expect(String(refused)).toContain("The data of cache.updated is nested too deep");
    expect(String(refused)).not.toMatch(/cycles|BigInt|secret/);
  });

  it("with half a character is made whole, so that every language reads it", async () => {
    const data = { cut: "😀".slice(0, 1), other: "\udc00x", path: "C:\\ud800", whole: "😀", ["\ud800"]: 1 };
    const text = await receivedText(data);
    expect(text).not.toMatch(/[^\\]\\ud/);
    expect(JSON.parse(text).data).toEqual({
      ...{ cut: "\ufffd", other: "\ufffdx", path: "C:\\ud800", whole: "😀" },
      ["\ufffd"]: 1,
    });
  });

  it("is written so for redaction and by transforms too", async () => {
    const endpoint = await testEndpoint();
    const transform = () => ({ body: { errors: new Set([new Error("x")]) } });
    const manager = testManager({ endpoints: [{ url: endpoint.url, secret, transform }] });
    await manager.start();
    await manager.triggerEvent("cache.updated");
    const [request] = await endpoint.received(1);
    expect(JSON.parse(String(request?.body))).toEqual({ errors: [{ name: "Error", message: "x" }] });
  });
});
