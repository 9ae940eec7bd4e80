/** The configuration plugin names settings and keeps their values. */
import { config } from "mova-webhooks/plugins/config";
import { expect, it } from "vitest";
import { collectingHost } from "../../src/testing/collecting-host.ts";

class ConfigManager {
  readonly values: Record<string, unknown> = {};
  set(key: string, value: unknown): boolean {
    if (value === null) return false;
    this.values[key] = value;
    return true;
  }
  async update(changes: Record<string, unknown>): Promise<void> {
    for (const [key, value] of Object.entries(changes)) this.set(key, value);
    if ("broken" in changes) throw new Error("refused");
  }
}

it("makes one event of each change, with the names of the settings only", async () => {
  const host = collectingHost(config());
  const manager = host.instrument(new ConfigManager());
  manager.set("llm.api_key", "sk-secret");
  await manager.update({ a: 1, b: "sk-secret" });
  expect(manager.values).toEqual({ "llm.api_key": "sk-secret", a: 1, b: "sk-secret" });
  expect(host.drafts).toEqual([
    { type: "config.updated", data: { keys: ["llm.api_key"], operation: "set" } },
    { type: "config.updated", data: { keys: ["a", "b"], operation: "update" } },
  ]);
  expect(JSON.stringify(host.published)).not.toContain("sk-secret");
});

it("makes no event of a change that was refused", async () => {
  const host = collectingHost(config());
  const manager = host.instrument(new ConfigManager());
  expect(manager.set("a", null)).toBe(false);
  await expect(manager.update({ broken: 1 })).rejects.toThrow("refused");
  expect(host.drafts).toEqual([]);
});

it.each([
  [new Map([["a", 1]]), ["a"]],
  [
    [
      ["a", 1],
      ["b", 2],
    ],
    ["a", "b"],
  ],
  [(_old: unknown) => ({}), []],
  [
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`key${index}`, 1])),
    expect.toSatisfy((keys) => keys.length === 100),
  ],
])("reads the names in change number %#", (change, keys) => {
  const host = collectingHost(config());
  host.instrument({ set: () => {}, update: (_change: unknown) => {} }).update(change);
  expect(host.drafts[0]?.data).toEqual({ keys, operation: "update" });
});
