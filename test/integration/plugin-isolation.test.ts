/** Plugins of strangers: what they may do wrong, and what a user may say about any of them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { WebhookError, type WebhookManagerOptions } from "mova-webhooks";
import { definePlugin } from "mova-webhooks/plugin";
import { beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import type { AnyPlugin, UseOptions } from "../../src/plugin/contract.ts";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "parcels:moved": { readonly id: string; readonly place?: unknown };
  }
}

function parcels(more: Partial<AnyPlugin> = {}): AnyPlugin {
  const plugin = definePlugin({
    contract: 1,
    name: "parcels",
    events: {
      "parcels.moved": {
        summary: "A parcel moved.",
        schema: z.object({ id: z.string(), place: z.string().optional() }),
        example: { id: "1" },
      },
    },
    translate: {
      "parcels:moved": ({ id, place }) => ({
        type: "parcels.moved",
        data: { id, ...(place !== undefined && { place }) },
      }),
    },
  });
  return { ...(plugin as AnyPlugin), ...more };
}

/** A manager with one plugin, the data of whose events are collected. */
async function started(plugins: WebhookManagerOptions["plugins"], options: WebhookManagerOptions = {}) {
  const manager = testManager({ plugins: plugins ?? [], ...options });
  const heard: unknown[] = [];
  manager.addEventHandler("parcels.*", ({ data }) => heard.push(data));
  await manager.start();
  const metrics = async (): Promise<string> => manager.registry.metrics();
  return {
    manager,
    heard,
    metrics,
    move: (id: string, place?: unknown) => manager.bus.publish("parcels:moved", { id, place }),
  };
}

function throwing(what: string): () => never {
  return () => {
    throw new TypeError(what);
  };
}

describe("event data", () => {
  it("that fit the schema are stored as it makes them; those that do not are dropped and counted", async () => {
    const { heard, move, metrics } = await started([parcels()]);
    move("A", 7);
    move("B", "here");
    expect(heard).toEqual([{ id: "B", place: "here" }]);
    expect(await metrics()).toContain('events_dropped_total{source="parcels",reason="data_invalid"} 1');
    expect(await metrics()).toContain('plugin_errors_total{plugin="parcels"} 1');
  });

  it("that do not fit are told of by their places, never by their values", async () => {
    const lines: object[] = [];
    const note = (fields: object, message: string): void => void lines.push({ ...fields, message });
    const logger = { debug: note, info: note, warn: note, error: note };
    const { move } = await started([parcels()], { logger });
    move("A", { password: "hunter2" });
    expect(lines).toContainEqual(
      expect.objectContaining({
        error_message: expect.stringMatching(/`parcels\.moved` do not fit its schema at `place`/),
      }),
    );
    expect(JSON.stringify(lines)).not.toContain("hunter2");
  });

  it("of an asynchronous schema, or of none at all, are refused when the plugin is used", () => {
    const manager = testManager();
    const asynchronous = z.object({}).refine(async () => true);
    const withSchema = (schema: unknown): AnyPlugin =>
      parcels({
        events: { "parcels.moved": { summary: "Moved.", example: {}, schema } },
      } as Partial<AnyPlugin>);
    expect(() => manager.use(withSchema(asynchronous))).toThrow(/schema of `parcels\.moved` is asynchronous/);
    expect(() => manager.use(withSchema({ type: "object" }))).toThrow(/is no Standard Schema/);
  });
});

describe("what a user says about a plugin", () => {
  it("thins it out, with chance given in, beside the plugin or in `use`", async () => {
    const rolls = [0.9, 0.1, 0.9];
    const { heard, move, metrics } = await started([{ use: parcels(), volume: { sample: 0.5 } }], {
      random: () => rolls.shift() ?? 0,
    });
    for (const id of ["A", "B", "C"]) move(id);
    expect(heard).toEqual([{ id: "B" }]);
    expect(await metrics()).toContain('events_dropped_total{source="parcels",reason="sampled"} 2');

    const other = testManager({ now: () => 1_700_000_000_000 });
    other.use(parcels(), { volume: { maxPerSecond: 1 } });
    const limited: unknown[] = [];
    other.addEventHandler("*", ({ data }) => limited.push(data));
    for (const id of ["A", "B"]) other.bus.publish("parcels:moved", { id });
    expect(limited).toEqual([{ id: "A" }]);
  });

  it("replaces what the plugin says itself", async () => {
    const own = parcels({ volume: { sample: 0 } });
    const { heard, move } = await started([{ use: own, volume: {} }]);
    move("A");
    expect(heard).toHaveLength(1);
    const { heard: none, move: moveOwn } = await started([own]);
    moveOwn("A");
    expect(none).toHaveLength(0);
  });

  it("makes many events one, which `close` delivers though its window is not over", async () => {
    const endpoint = await testEndpoint();
    const { manager, move } = await started(
      [{ use: parcels(), volume: { coalesce: { windowSeconds: 3600, key: "id" } } }],
      { endpoints: [{ url: endpoint.url, secret }] },
    );
    for (let n = 0; n < 5; n += 1) move("A", `place ${n}`);
    expect(endpoint.requests).toHaveLength(0);
    await manager.close();
    expect(endpoint.requests).toHaveLength(1);
    expect(JSON.parse(endpoint.requests[0]?.body.toString() ?? "")).toMatchObject({
      data: { id: "A", place: "place 4", count: 5 },
    });
  });

  it.each([
    [{ volume: { sampel: 0.5 } }, /unknown key `sampel`; did you mean `sample`\?/],
    [{ volume: { sample: 7 } }, /`volume\.sample` of plugin `parcels` to be from 0 to 1, got `7`/],
    [{ redact: ["a", ""] }, /`redact\[1\]` of plugin `parcels` to be a key or a path/],
  ])("is refused beside the plugin and in `use` where it cannot be: %j", (wrong, message) => {
    const said = wrong as UseOptions;
    expect(() => testManager({ plugins: [{ use: parcels(), ...said }] })).toThrow(message);
    expect(() => testManager().use(parcels(), said)).toThrow(message);
    expect(() => testManager().use(parcels(), said)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
  });

  it("counts what it cannot read, and loses nothing else", async () => {
    const unreadable = {
      get shelf(): string {
        throw new TypeError("gone");
      },
    };
    const both = parcels({
      events: { "parcels.moved": { summary: "A parcel moved.", example: {} } },
      translate: {
        "parcels:moved": ({ id, place }) =>
          [place, "here"].map((each) => ({ type: "parcels.moved", data: { id, place: each } })),
      },
    });
    const coalesce = { windowSeconds: 3600, key: "place.shelf" };
    const { manager, heard, move, metrics } = await started([{ use: both, volume: { coalesce } }]);
    move("A", unreadable);
    expect(await metrics()).toContain('events_dropped_total{source="parcels",reason="data_invalid"} 1');
    await manager.close();
    expect(heard).toEqual([{ id: "A", place: "here", count: 1 }]);
  });

  it("makes many events one, when the window is over", async () => {
    const { heard, move } = await started([
      { use: parcels(), volume: { coalesce: { windowSeconds: 0.02 } } },
    ]);
    for (const id of ["A", "B", "C"]) move(id);
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ id: "C", count: 3 }]);
  });

  it("redacts before anything is stored, and what cannot be redacted is not stored", async () => {
    const endpoint = await testEndpoint();
    const options = { endpoints: [{ url: endpoint.url, secret }] };
    const { heard, move, manager } = await started([{ use: parcels(), redact: ["place"] }], options);
    move("A", "at home");
    await endpoint.received(1);
    expect(heard).toEqual([{ id: "A", place: "[redacted]" }]);
    expect(endpoint.requests[0]?.body.toString()).not.toContain("at home");
    expect(await manager.drain(5000)).toBe(true);

    const broken = await started([{ use: parcels(), redact: throwing("redactor's own") }]);
    broken.move("A", "at home");
    expect(broken.heard).toEqual([]);
    expect(await broken.metrics()).toContain(
      'events_dropped_total{source="parcels",reason="data_invalid"} 1',
    );
  });

  it("is refused where it cannot be", () => {
    expect(() => testManager({ plugins: [{ use: parcels(), volume: { sample: 2 } }] })).toThrow(
      /`volume\.sample`/,
    );
  });
});

describe("a plugin that breaks", () => {
  it.each([
    ["in attach", { instrument: { attach: throwing("attach") } }],
    ["in detach", { instrument: { attach: () => throwing("detach") } }],
    ["in an asynchronous attach", { instrument: { attach: async () => throwing("attach")() } as never }],
    [
      "while it recognises objects",
      { instrument: { objects: [{ library: "x", recognises: throwing("look"), attach: throwing("x") }] } },
    ],
    ["in translate", { translate: { "parcels:moved": throwing("translate") } as never }],
    [
      "in an asynchronous translate",
      { translate: { "parcels:moved": async () => throwing("translate")() } as never },
    ],
    [
      "in what it translates to",
      { translate: { "parcels:moved": () => [null, 7, { type: "cache.updated" }] } as never },
    ],
  ])("%s is counted and disturbs neither start, nor components, nor others, nor close", async (_, more) => {
    const endpoint = await testEndpoint();
    const { manager, move, metrics } = await started([parcels(more)], {
      endpoints: [{ url: endpoint.url, secret }],
    });
    expect(() => move("A")).not.toThrow();
    expect(() => manager.instrument({})).toThrow(/No plugin recognises/);
    await manager.triggerEvent("cache.updated");
    await endpoint.received(1);
    await manager.close();
    expect(await metrics()).toMatch(/plugin_errors_total\{plugin="parcels"\} [1-9]/);
  });

  it("against the contract is refused", () => {
    const manager = testManager({ plugins: [parcels()] });
    const refusals: [AnyPlugin, RegExp][] = [
      [parcels(), /Two plugins are named `parcels`/],
      [parcels({ contract: 2 as 1, name: "other" }), /written for contract 2, this version hosts contract 1/],
      [parcels({ name: "cache" }), /`parcels\.moved` of plugin `cache` must start with `cache\.`/],
      [parcels({ name: "api" }), /named `api`/],
      [undefined as never, /definePlugin/],
    ];
    for (const [plugin, message] of refusals) {
      expect(() => manager.use(plugin)).toThrow(message);
      expect(() => manager.use(plugin)).toThrow(WebhookError);
    }
  });
});

describe("a plugin from the configuration", () => {
  const contract = new URL("../../src/plugin/contract.ts", import.meta.url).href;
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });

  const good = `({ contract: 1, name: "orders", events: { "orders.paid": { summary: "Paid.", example: {} } },
    translate: { "orders:paid": (data) => ({ type: "orders.paid", data }) } })`;

  /** Starts with the plugin file given; its name is one of its own, because modules load once. */
  function configured(
    source: string,
    entry = (path: string): string => path,
  ): ReturnType<typeof testManager> {
    writeFileSync(join(folder, "plugin.mjs"), source);
    const path = join(folder, "mova.config.yaml");
    writeFileSync(path, `webhook:\n  plugins:\n    - ${entry("./plugin.mjs")}\n`);
    return testManager({ config: path });
  }

  it.each([
    [
      "throws on import",
      `\nthrow new RangeError("own\\nwords");`,
      /import of plugin `.*` failed: RangeError: own words, at .*plugin\.mjs:2:7\. Correct/,
    ],
    [
      "lacks a package",
      `import "no-such-package-anywhere";`,
      /import .* failed: Error: Cannot find package 'no-such-package-anywhere'/,
    ],
    ["is no JavaScript", `export default {`, /import .* failed: \w*Error: /],
    [
      "imports what a package does not export",
      `import "mova-webhooks/no-such-entry";`,
      /import .* failed: Error: .*no-such-entry/,
    ],
    ["throws no error", `throw { secret: "own words" };`, /failed: a value of type object was thrown/],
    ["exports nothing", `export const plugin = 1;`, /no default export/],
    [
      "has a factory that throws",
      `export default () => { throw new RangeError("own words"); };`,
      /factory of plugin .* failed: RangeError: own words, at .*plugin\.mjs:1:\d+\. Correct/,
    ],
    [
      "has a factory that breaks code of this package",
      `import { watchMethod } from "${contract}";\nexport default () => watchMethod();`,
      /factory of plugin .* failed: TypeError: .*, at .*plugin\.mjs:2:\d+\. Correct/,
    ],
    [
      "has a schema that throws",
      `export const optionsSchema = { "~standard": { validate() { throw new RangeError("own words"); } } };
      export default () => ${good};`,
      /`optionsSchema` of plugin .* failed: RangeError: own words, at .*plugin\.mjs:1:/,
    ],
    ["has contract 2", `export default { ...${good}, contract: 2 };`, /contract 2/],
    [
      "is outside of its prefix",
      `export default { ...${good}, name: "payments" };`,
      /must start with `payments\.`/,
    ],
    [
      "has options of no schema",
      `export const optionsSchema = {}; export default () => ${good};`,
      /no Standard Schema/,
    ],
  ])("that %s makes the start fail with what is wrong", async (_, source, message) => {
    const manager = configured(source);
    const failure: unknown = await manager.start().catch((reason: unknown) => reason);
    expect(WebhookError.is(failure, "PLUGIN_INVALID")).toBe(true);
    expect((failure as Error).message).toMatch(message);
  });

  it("is not quoted with the values of its options", async () => {
    const manager = configured(
      `export default ({ url }) => { throw new RangeError("no such database: " + url); };`,
      (path) => `{ use: ${path}, options: { url: "redis://hunter2" } }`,
    );
    await expect(manager.start()).rejects.toThrow(/failed: RangeError: no such database: …, at /);
  });

  it("twice is refused, also under two paths", async () => {
    writeFileSync(join(folder, "again.mjs"), `export default ${good};`);
    const manager = configured(`export default ${good};`, (path) => `${path}\n    - ./again.mjs`);
    await expect(manager.start()).rejects.toThrow(/Two plugins are named `orders`/);
  });

  it("has its options checked, made by its schema, and never quoted", async () => {
    const source = (answer: string): string => `
      export const optionsSchema = { "~standard": { version: 1, vendor: "test", validate: async (options) => (${answer}) } };
      export default ({ shop }) => ({ ...${good}, translate: { "orders:paid": () => ({ type: "orders.paid", data: { shop } }) } });`;
    const entry = (path: string): string => `{ use: ${path}, options: { shop: hunter2 } }`;
    const refusing = configured(
      source(`{ issues: [{ message: "hunter2 is no shop", path: ["shop"] }] }`),
      entry,
    );
    const refusal: unknown = await refusing.start().catch((reason: unknown) => reason);
    expect(WebhookError.is(refusal, "CONFIG_INVALID")).toBe(true);
    expect((refusal as Error).message).toMatch(
      /options of plugin `.*` do not fit its schema; `shop`: … is no shop/,
    );

    folder = temporaryFolder();
    const making = configured(source(`{ value: { shop: options.shop.toUpperCase() } }`), entry);
    const heard: unknown[] = [];
    making.addEventHandler("orders.paid", ({ data }) => heard.push(data));
    await making.start();
    making.bus.publish("orders:paid" as never, {} as never);
    expect(heard).toEqual([{ shop: "HUNTER2" }]);
  });

  it("is thinned out and redacted as the file says", async () => {
    const volume = "volume: { sample: 1, coalesce: { window_seconds: 60, key: [shop] }, max_per_second: 5 }";
    const manager = configured(
      `export default ${good};`,
      (path) => `{ use: ${path}, redact: [card], ${volume} }`,
    );
    const heard: unknown[] = [];
    manager.addEventHandler("orders.paid", ({ data }) => heard.push(data));
    await manager.start();
    const publish = (data: object): void => manager.bus.publish("orders:paid" as never, data as never);
    for (let n = 0; n < 3; n += 1) publish({ shop: "north", card: "4111" });
    await manager.close();
    expect(heard).toEqual([{ shop: "north", card: "[redacted]", count: 3 }]);
  });

  it.each([
    ["volume: { sample: 2 }", /mova\.config\.yaml:3:\d+[^]*sample[^]*from 0 to 1/],
    ["volume: { coalesce: { key: id } }", /window_seconds/],
    ["volume: { maxPerSecond: 1 }", /max_per_second/],
    ["redact: card", /redact[^]*list/],
    [
      "redact: [card, user..email]",
      /redact\[1\][^]*a key or a path, such as password or context\.user\.email/,
    ],
    ["volume: { sampel: 1 }", /unknown key `sampel`; did you mean `sample`\?/],
  ])("with %s is answered with the place and what would be right", (setting, message) => {
    expect(() => configured(`export default ${good};`, (path) => `{ use: ${path}, ${setting} }`)).toThrow(
      message,
    );
  });
});

it("a plugin that recognises or attaches with a promise recognises nothing, and gives the component back", async () => {
  const component = { move: () => "moved" };
  const later = async (): Promise<never> => {
    throw new TypeError("own reason");
  };
  const objects = (kind: object): Partial<AnyPlugin> =>
    ({ instrument: { objects: [{ library: "parcels", ...kind }] } }) as unknown as Partial<AnyPlugin>;
  const asked = await started([parcels(objects({ recognises: later, attach: () => undefined }))]);
  expect(() => asked.manager.instrument(component)).toThrow(
    expect.objectContaining({ code: "COMPONENT_UNKNOWN" }),
  );
  const watched = await started([parcels(objects({ recognises: () => true, attach: later }))]);
  expect(watched.manager.instrument(component)).toBe(component);
  for (const { metrics } of [asked, watched]) {
    expect(await metrics()).toContain('plugin_errors_total{plugin="parcels"} 1');
  }
});
