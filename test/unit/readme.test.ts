/** The examples of README and docs run, their commands exist; their tables are compared in readme-tables.test.ts. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/settings/read/config.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { cliProblem } from "../support/command-line.ts";
import {
  blocks,
  blocksOf,
  codes,
  commands,
  manifest,
  read,
  readme,
  root,
  sorted,
  table,
} from "../support/pages.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runProgram } from "../support/program.ts";

/** Inside the built package, so that its public names resolve to it. */
const folder = join(root, "dist/readme");
/** Where examples run: nothing there configures them, and what they write is thrown away. */
let elsewhere: string;

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  elsewhere = temporaryFolder();
});

async function runBlock(text: string, name: string): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, text);
  const noExport = {
    OTEL_TRACES_EXPORTER: "none",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
  };
  const { code, stdout, stderr } = await runProgram(process.execPath, [file], {
    folder: elsewhere,
    env: noExport,
  });
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

const examples = blocks
  .filter(({ language, note }) => language === "js" && note === "run")
  .map(({ page, text }, index) => ({ page, text, index }));
const runnable = examples.filter(({ text }) => sqliteLoads || !text.includes("sqliteOutbox"));

describe("a block", () => {
  it("is of a kind that is checked here", () => {
    const kinds = blocks.map(({ language, note }) => `${language} ${note}`);
    const known = [
      ...["js run", "sh ", "yaml ", "text ", "ts public-api.ts", "python publish.py"],
      ...["yaml mova.config.yaml", "js app.mjs", "js order-service.mjs"],
    ];
    const strange = kinds.filter((kind) => !known.includes(kind) && !/^js(on)? queue-plugin\//.test(kind));
    expect(strange, "but the two drawings of the story").toEqual([" ", " "]);
  });

  it("that comes first prints what the page says", async () => {
    const printed = /It prints `(.*?)`/.exec(readme.text)?.[1];
    expect(await runBlock(examples[0]?.text ?? "", "first.mjs")).toBe(`${printed}\n`);
  });

  it.each(runnable)(
    "that runs, number $index in $page, ends without a complaint",
    async ({ text, index }) => {
      expect(await runBlock(text, `block-${index}.mjs`)).not.toContain("Error");
    },
  );

  it("that shows a file is that file, which other tests run", () => {
    const shown = blocks.filter(({ note }) => /^(queue-plugin\/|publish|order-service)/.test(note));
    expect(shown).toHaveLength(5);
    for (const { note, text } of shown) expect(text).toBe(read(`test/fixtures/${note}`));
    expect(read("test/types/public-api.ts")).toContain(blocksOf("ts", "public-api.ts")[0]);
  });

  it.each(blocksOf("yaml").map((text, index) => ({ text, index })))(
    "of configuration, number $index, loads",
    ({ text, index }) => {
      const path = join(elsewhere, `${index}.yaml`);
      writeFileSync(path, text);
      expect(loadConfig({ path, env: { MY_SECRET: "a secret of enough bytes" } }).warnings).toEqual([]);
    },
  );

  it.each(commands.map((words) => ({ line: words.join(" "), words })))(
    "has a command that exists: $line",
    async ({ words }) => {
      expect(await problemOf(words)).toBeUndefined();
    },
  );
});

it("every entry point is listed, with names that it exports", async () => {
  const rows = table("Library", "entry point");
  const names = rows.flatMap(([entry]) => codes(entry));
  const real = Object.keys(manifest.exports).filter((key) => key !== "./package.json");
  expect(sorted(names)).toEqual(sorted(real.map((key) => `mova-webhooks${key.slice(1)}`)));
  const checked = rows.filter(([entry]) => !entry?.includes("register"));
  const expectations = checked.map(([entry, names]) => [codes(entry)[0], codes(names)]);
  const missing = await runBlock(
    `const missing = [];
    for (const [entry, names] of ${JSON.stringify(expectations)}) {
      const module = await import(entry);
      missing.push(...names.filter((name) => !(name in module)));
    }
    console.log(missing.join());
    process.exit();`,
    "entry-points.mjs",
  );
  expect(missing.trim()).toBe("");
});

async function problemOf([program = "", ...rest]: readonly string[]): Promise<string | undefined> {
  const last = rest.at(-1) ?? "";
  switch (program) {
    case "chmod":
      return undefined;
    case "npm": {
      const script = rest[0] === "run" ? rest[1] : rest[0];
      return ["ci", "install", "pack"].includes(script ?? "") || script! in manifest.scripts
        ? undefined
        : "no script";
    }
    case "npx":
      if (rest[0] === "vitest") return missingFile(rest.filter((word) => word.startsWith("test/")));
      return rest[0] === "mova-webhooks" ? cliProblem(rest.slice(1)) : "not ours";
    case "node":
      return last.endsWith("js") && (rest[0] !== "--import" || rest[1] === "mova-webhooks/register")
        ? undefined
        : "not a program";
    case "docker":
      return missingFile([rest[rest.indexOf("-f") + 1] ?? ""]);
    default:
      return "unknown program";
  }
}

function missingFile(paths: readonly string[]): string | undefined {
  return paths.length > 0 && paths.every((path) => existsSync(join(root, path))) ? undefined : "no such file";
}
