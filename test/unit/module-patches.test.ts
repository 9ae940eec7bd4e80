/** Patching modules when they load: which versions, what of their exports, and whose fault a failure is. */
import Keyv from "keyv";
import { WebhookManager } from "mova-webhooks";
import {
  definePlugin,
  exportNamed,
  patchExport,
  prototypeNamed,
  type VersionRange,
} from "mova-webhooks/plugin";
import { cache } from "mova-webhooks/plugins";
import { describe, expect, it } from "vitest";
import type { AnyPlugin, ModuleInstrumentation } from "../../src/plugin/contract.ts";
import { modulePatchesOf } from "../../src/plugin/module-patches.ts";
import { isWithin } from "../../src/plugin/version-range.ts";
import { collectingHost } from "../../src/testing/collecting-host.ts";

function pluginWith(...modules: ModuleInstrumentation[]): AnyPlugin {
  return definePlugin({
    contract: 1,
    name: "any",
    events: { "any.thing": { summary: "Something happened.", example: {} } },
    translate: {},
    instrument: { modules },
  });
}

describe("a version range", () => {
  it.each([
    ["4.0.0", true],
    ["5.99.1", true],
    ["5.0.0-rc.1", true],
    ["4.0.0+build.5", true],
    ["3.9.9", false],
    ["6.0.0", false],
    ["6.0.0-beta.1", false],
    ["next", false],
  ])("of 4 to below 6 has %s: %s", (version, fits) => {
    expect(isWithin(version, ">=4.0.0 <6.0.0")).toBe(fits);
  });

  it("must have two ends, or the plugin is refused", () => {
    for (const versions of [">=4.0.0", "*", "^4", "", undefined]) {
      const plugin = pluginWith({ module: "x", versions: versions as VersionRange, patch() {} });
      expect(() => new WebhookManager({ config: false, plugins: [plugin] })).toThrow(/`x`.*`>=/);
    }
  });
});

describe("a patch", () => {
  it("is applied to versions that fit, and one that fits no range of the module is logged once", () => {
    const applied: string[] = [];
    const patchAs = (name: string) => () => void applied.push(name);
    const plugin = pluginWith(
      { module: "x", versions: ">=1.0.0 <2.0.0", patch: patchAs("main") },
      { module: "x", versions: ">=1.0.0 <3.0.0", file: "a.js", patch: patchAs("file") },
    );
    const host = collectingHost(plugin);
    const patches = modulePatchesOf(plugin, host, () => expect.unreachable());
    const exports = {};
    for (const version of ["1.5.0", "2.5.0", "3.0.0", "3.0.0", undefined]) {
      for (const { apply } of patches) expect(apply(exports, version)).toBe(exports);
    }
    expect(applied).toEqual(["main", "file", "file"]);
    expect(host.logged.map(({ fields }) => fields)).toEqual([
      { plugin: "any", module: "x", version: "3.0.0" },
      { plugin: "any", module: "x", version: "unknown" },
    ]);
  });

  it("that throws leaves the exports as they are, and is the plugin's failure", () => {
    const failures: unknown[] = [];
    const broken = pluginWith({
      module: "x",
      versions: ">=1.0.0 <2.0.0",
      patch() {
        throw new TypeError("no");
      },
    });
    const failed = (during: string, error: unknown): void => void failures.push([during, String(error)]);
    const exports = {};
    const [patch] = modulePatchesOf(broken, collectingHost(broken), failed);
    expect(patch?.apply(exports, "1.0.0")).toBe(exports);
    expect(failures).toEqual([["patch x", "TypeError: no"]]);
  });
});

describe("an exported function", () => {
  const host = () => collectingHost(pluginWith());
  const original = (): string => "original";
  const replace = () => (): string => "ours";

  it("is replaced in place, once per host", () => {
    const exports = { make: original };
    const mine = host();
    expect(patchExport(exports, "make", mine, replace)).toBe(exports);
    expect(exports.make()).toBe("ours");
    const patched = exports.make;
    patchExport(exports, "make", mine, replace);
    expect(exports.make).toBe(patched);
  });

  it("is replaced in a copy where the exports are read-only, which keeps all the rest", () => {
    const exports = Object.defineProperty({ other: 1 }, "make", { get: () => original, enumerable: true });
    const patched = patchExport(exports, "make", host(), replace) as { make(): string; other: number };
    expect([patched.make(), patched.other, Reflect.get(exports, "make")]).toEqual(["ours", 1, original]);
  });

  it("is replaced in the default export too, which is the whole of a CommonJS module", () => {
    const exports = { make: original, default: { make: original } };
    patchExport(exports, "make", host(), replace);
    expect([exports.make(), exports.default.make()]).toEqual(["ours", "ours"]);
  });

  it("is found under its name, in the default export, as the default export, and as the module itself", () => {
    class Named {}
    const forms = [{ Named }, { default: { Named } }, { default: Named }, Named];
    expect(forms.map((exports) => exportNamed(exports, "Named"))).toEqual([Named, Named, Named, Named]);
    expect(prototypeNamed({ Named }, "Named")).toBe(Named.prototype);
    expect(exportNamed({ other: 1 }, "Named")).toBeUndefined();
  });
});

describe("a component that cannot be patched", () => {
  it.each([
    ["frozen", (keyv: Keyv) => Object.freeze(keyv)],
    [
      "a proxy that refuses",
      (keyv: Keyv) =>
        new Proxy(keyv, {
          defineProperty: () => {
            throw new Error("hands off");
          },
        }),
    ],
  ])("works on as it is: %s", async (_, wrap) => {
    const manager = new WebhookManager({ config: false, plugins: [cache()] });
    const keyv = wrap(new Keyv());
    expect(manager.instrument(keyv)).toBe(keyv);
    expect(manager.instrument(keyv)).toBe(keyv);
    await keyv.set("a", 1);
    expect(await keyv.get("a")).toBe(1);
    await manager.close();
  });
});
