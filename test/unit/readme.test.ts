import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { errorTable, WebhookManager } from "mova-webhooks";
import { describe, expect, it } from "vitest";
import { outcomes } from "../../src/event/attempt-outcome.ts";
import { loadConfig } from "../../src/config/config.ts";

const root = new URL("../..", import.meta.url).pathname;
const readme = readFileSync(join(root, "README.md"), "utf8");
/** Inside the built package, so that its public name resolves to it. */
const folder = join(root, "dist/readme");

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks: Block[] = [...readme.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(
  ([, language = "", text = ""]) => ({
    language,
    text,
  }),
);

async function runBlock(text: string, name: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, text);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 15_000 });
  expect(stderr).toBe("");
  return stdout;
}

describe("README", () => {
  it("has a first example that prints what it says", async () => {
    const [first] = blocks.filter((block) => block.language === "js run");
    expect(await runBlock(first?.text ?? "", "first.mjs")).toBe(
      "received: order [ { path: '', rule: 'required' } ]\n",
    );
  });

  it.each(blocks.filter((block) => block.language === "js run").map(({ text }, index) => ({ index, text })))(
    "has a runnable block $index that runs to its end",
    async ({ index, text }) => {
      expect(await runBlock(text, `block-${index}.mjs`)).not.toBe("");
    },
  );

  it("shows a configuration that loads", () => {
    const text = blocks.find((block) => block.language === "yaml config")?.text ?? "";
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "mova.config.yaml");
    writeFileSync(path, text);
    const config = loadConfig({ path, env: { MY_SECRET: "a secret of enough bytes" } });
    expect(config.endpoints.map((endpoint) => endpoint.id)).toEqual(["monitoring"]);
  });

  it("lists every error code with the words of the table", () => {
    const listed = [...readme.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)].map((row) =>
      row.slice(1, 4),
    );
    expect(listed).toEqual(
      Object.entries(errorTable).map(([code, { meaning, remedy }]) => [code, meaning, remedy]),
    );
  });

  it("lists every metric with its labels, and every outcome", async () => {
    const manager = new WebhookManager({ config: false });
    const registered = manager.registry.getMetricsAsArray() as unknown as {
      name: string;
      labelNames: string[];
    }[];
    const listed = [...readme.matchAll(/^\| `(mova_webhook_\w+)` \| (.*) \|$/gm)].map(
      ([, name, labels = ""]) => [
        name,
        [...labels.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? "").sort(),
      ],
    );
    expect(Object.fromEntries(listed)).toEqual(
      Object.fromEntries(registered.map(({ name, labelNames }) => [name, [...labelNames].sort()])),
    );
    expect(readme.replaceAll("\n", " ")).toContain(outcomes.join(" "));
    await manager.close();
  });
});
