/** The README is right: its examples run, and what its tables list is what the code has, all of it. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import { errorTable, WebhookManager, WebhookReceiver } from "mova-webhooks";
import * as plugins from "mova-webhooks/plugins";
import { fakeEndpoint } from "mova-webhooks/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as zod from "zod";
import { loadConfig } from "../../src/config/config.ts";
import { createSchema } from "../../src/config/schema.ts";
import { verdictOf } from "../../src/delivery/retry.ts";
import { outcomeOfStatus, outcomes } from "../../src/event/attempt-outcome.ts";
import { builtInEventTypes } from "../../src/event/event-types.ts";
import { createApp } from "../../src/server/app.ts";
import type { Served, ServedParts } from "../../src/server/served.ts";
import {
  blocks,
  blocksOf,
  codes,
  commands,
  firstCodes,
  membersOf,
  readme,
  root,
  table,
} from "./readme-page.ts";

const run = promisify(execFile);
const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly scripts: Readonly<Record<string, string>>;
};
/** Inside the built package, so that its public names resolve to it. */
const folder = join(root, "dist/readme");
/** Where examples run: nothing there configures them, and what they write is thrown away. */
let elsewhere: string;

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  elsewhere = mkdtempSync(join(tmpdir(), "mova-webhooks-readme-"));
});
afterAll(() => rmSync(elsewhere, { recursive: true }));

async function runBlock(text: string, name: string): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, text);
  const noExport = {
    OTEL_TRACES_EXPORTER: "none",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
  };
  const env = { PATH: process.env["PATH"], ...noExport };
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: elsewhere, env, timeout: 20_000 });
  expect(stderr).toBe("");
  return stdout;
}

function read(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}

function sorted(names: Iterable<string>): readonly string[] {
  return [...names].sort();
}

const examples = blocksOf("js", "run").map((text, index) => ({ text, index }));

describe("a block", () => {
  it("is of a kind that is checked here", () => {
    const kinds = blocks.map(({ language, note }) => `${language} ${note}`);
    const known = ["js run", "sh ", "yaml ", "ts public-api.ts", "python publish.py"];
    const strange = kinds.filter((kind) => !known.includes(kind) && !/^js(on)? queue-plugin\//.test(kind));
    expect(strange).toEqual([" "]);
  });

  it("that comes first prints what the page says", async () => {
    const printed = /It prints `(.*?)`/.exec(readme)?.[1];
    expect(await runBlock(examples[0]?.text ?? "", "first.mjs")).toBe(`${printed}\n`);
  });

  it.each(examples)("that runs, number $index, ends without a complaint", async ({ text, index }) => {
    await runBlock(text, `block-${index}.mjs`);
  });

  it("that shows a file is that file, which other tests run", () => {
    const shown = blocks.filter(({ language, note }) => note.includes(".") && language !== "ts");
    expect(shown).toHaveLength(4);
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

it("every link leads somewhere", () => {
  const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
  for (const [, target = ""] of readme.matchAll(/\]\(([^)]+)\)/g)) {
    if (target.startsWith("#")) expect(headings).toContain(target.slice(1));
    else if (!target.startsWith("https://")) expect(existsSync(join(root, target)), target).toBe(true);
  }
});

async function problemOf([program = "", ...rest]: readonly string[]): Promise<string | undefined> {
  const last = rest.at(-1) ?? "";
  switch (program) {
    case "export":
    case "cd":
      return undefined;
    case "npm": {
      const script = rest[0] === "run" ? rest[1] : rest[0];
      return script === "ci" || script === "install" || script! in manifest.scripts ? undefined : "no script";
    }
    case "npx":
      return rest[0] === "mova-webhooks" ? cliProblem(rest.slice(1)) : "not ours";
    case "node":
      return last.endsWith("js") && (rest[0] !== "--import" || rest[1] === "mova-webhooks/register")
        ? undefined
        : "not a program";
    case "docker":
      return existsSync(join(root, rest[rest.indexOf("-f") + 1] ?? "")) ? undefined : "no such file";
    default:
      return "unknown program";
  }
}

/** Parses as the command line does, but does nothing. */
async function cliProblem(words: readonly string[]): Promise<string | undefined> {
  let command = (await commandLine()).find((each) => each.name() === words[0]);
  let rest = words.slice(1);
  while (command !== undefined && command.commands.length > 0) {
    command = command.commands.find((each) => each.name() === rest[0]);
    rest = rest.slice(1);
  }
  if (command === undefined) return "no such command";
  try {
    await command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .action(() => {})
      .parseAsync(rest, { from: "user" });
    return undefined;
  } catch (error) {
    return String(error);
  }
}

async function commandLine(): Promise<readonly Command[]> {
  const files = readdirSync(`${root}src/cli`).filter((name) => name.endsWith("-command.ts"));
  const modules = await Promise.all(
    files.map((name) => import(join(root, "src/cli", name)) as Promise<Record<string, () => Command>>),
  );
  return modules.flatMap((module) => Object.values(module).map((create) => create()));
}

function leavesOf(
  command: Command,
  prefix = "",
): readonly { readonly name: string; readonly command: Command }[] {
  const name = `${prefix}${command.name()}`;
  return command.commands.length === 0
    ? [{ name, command }]
    : command.commands.flatMap((sub) => leavesOf(sub, `${name} `));
}

/** The keys of a mapping of the configuration file, wherever in lists, choices and defaults it is. */
function shapeOf(schema: unknown): Readonly<Record<string, unknown>> {
  const { shape, element, options, def } = Object(schema) as {
    readonly shape?: Readonly<Record<string, unknown>>;
    readonly element?: unknown;
    readonly options?: readonly unknown[];
    readonly def?: { readonly innerType?: unknown; readonly out?: unknown };
  };
  if (shape !== undefined) return shape;
  const inside = [element, ...(options ?? []), def?.innerType, def?.out].filter((each) => each !== undefined);
  return Object.assign({}, ...inside.map(shapeOf)) as Readonly<Record<string, unknown>>;
}

/** All keys under one key of the file, at any depth. */
function keysBelow(key: string): readonly string[] {
  const below = (schema: unknown): string[] =>
    Object.entries(shapeOf(schema)).flatMap(([name, inner]) => [name, ...below(inner)]);
  return below(shapeOf(createSchema(zod))[key]);
}

function camel(key: string): string {
  return key.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

describe("the list of", () => {
  it("commands has every command with its arguments and options", async () => {
    const shared = ["--json", "--config", "--secret", "--secret-file"];
    const real = (await commandLine())
      .flatMap((command) => leavesOf(command))
      .map(({ name, command }) => {
        const wanted = command.registeredArguments.map((argument) =>
          argument.required
            ? `<${argument.name()}>`
            : `[${argument.name()}${argument.variadic ? "..." : ""}]`,
        );
        const options = command.options.map((option) => option.long ?? "");
        return [[name, ...wanted].join(" "), sorted(options.filter((option) => !shared.includes(option)))];
      });
    const listed = table("Commands", "command").map(([usage, , options]) => [
      codes(usage)[0],
      sorted(codes(options)),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(Object.fromEntries(real) as object);
  });

  it("npm scripts has scripts that exist", () => {
    for (const [name] of table("Development", "command")) {
      const [, script = ""] = /npm (?:ci && npm )?(?:run )?([\w:]+)`/.exec(name ?? "") ?? [];
      expect(Object.keys(manifest.scripts)).toContain(script);
    }
  });

  it("entry points has every entry point, with names that it exports", async () => {
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

  it("methods has every method of the manager", () => {
    const real = Object.getOwnPropertyNames(WebhookManager.prototype).filter(
      (name) => name !== "constructor",
    );
    const listed = table("Library", "`WebhookManager`").flatMap(([methods]) => codes(methods));
    expect(sorted(listed.map((usage) => usage.replace(/\(.*/, "")))).toEqual(sorted(real));
  });

  it("endpoint options has every option, in code and file", () => {
    const rows = table("Endpoint options", "option");
    const real = [
      ...membersOf("src/event/endpoint.ts", "WebhookEndpoint"),
      ...membersOf("src/event/sending-settings.ts", "SendingSettings"),
    ];
    expect(sorted(firstCodes(rows))).toEqual(sorted(real));
    const endpoint = shapeOf(shapeOf(createSchema(zod))["endpoints"]);
    const inFile = Object.keys(endpoint).filter((key) => key !== "secret_file");
    expect(sorted([...inFile.map(camel), "filter", "transform"])).toEqual(sorted(real));
  });

  it("receiver options has every option", () => {
    const listed = firstCodes(table("Receiver options", "option"));
    expect(sorted(listed)).toEqual(sorted(membersOf("src/receiver/receiver.ts", "WebhookReceiverOptions")));
  });

  it("what answers mean agrees with the rules", () => {
    const rows = table("Endpoints", "answer").filter(([answer]) => /^\dxx|^410/.test(answer ?? ""));
    expect(rows).toHaveLength(3);
    for (const [answers = "", meaning = ""] of rows) {
      for (const [answer] of answers.matchAll(/\d(?:xx|\d\d)/g)) {
        const status = Number(answer.replace("xx", "00"));
        const verdict = verdictOf({ outcome: outcomeOfStatus(status), durationMs: 1, status });
        expect(meaning, answer).toMatch(new RegExp(`^${verdict}`));
      }
    }
    expect(verdictOf({ outcome: "http_4xx", durationMs: 1, status: 404 })).toBe("dead");
    expect(verdictOf({ outcome: "blocked", durationMs: 1 })).toBe("dead");
  });

  it("configuration keys has every key, option and variable", () => {
    const rows = table("Configuration", "in the file");
    const inFile = rows.flatMap(([key]) => codes(key));
    expect(inFile).toEqual(Object.keys(shapeOf(createSchema(zod))));
    for (const [key, , , , meaning = ""] of rows) {
      const name = codes(key)[0];
      if (name === undefined || name === "endpoints") continue;
      for (const below of keysBelow(name))
        expect(meaning, `${name}.${below}`).toMatch(new RegExp(`\\b${below}\\b`));
    }
    const inCode = [
      ...rows.flatMap(([, code]) => codes(code)),
      ...firstCodes(table("Configuration", "only in code")),
    ];
    expect(sorted(inCode)).toEqual(sorted(membersOf("src/manager-options.ts", "WebhookManagerOptions")));
    const variables = read("src/config/environment.ts").match(/"MOVA_WEBHOOK_\w+"/g) ?? [];
    const listed = rows.flatMap(([, , variable]) => codes(variable)).map((name) => `"${name}"`);
    expect(sorted(listed)).toEqual(sorted(variables));
  });

  it("environment variables leaves out none that the sources read", () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const names = sources.flatMap(
      (name) => read(`src/${name}`).match(/"(?:MOVA_WEBHOOK|OTEL|NO)_[A-Z_]+"/g) ?? [],
    );
    for (const name of new Set(names)) {
      if (name !== '"MOVA_WEBHOOK_"') expect(readme).toContain(name.slice(1, -1));
    }
  });

  it("plugins has every built-in plugin with all its events", () => {
    const rows = table("Plugins", "plugin");
    const listed = rows.map(([name, , events]) => [codes(name)[0]?.replace("()", ""), sorted(codes(events))]);
    const real = Object.entries(plugins).map(([name, create]) => [
      name,
      sorted(Object.keys(create().events)),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(Object.fromEntries(real) as object);
  });

  it("libraries has every library that is patched, with its versions", () => {
    const ranges = new Map<string, { from: string; below: string; plugin: string }>();
    for (const [plugin, create] of Object.entries(plugins)) {
      const patched = (
        create() as { instrument?: { modules?: readonly { module: string; versions: string }[] } }
      ).instrument;
      for (const { module, versions } of patched?.modules ?? []) {
        const [, from = "", below = ""] = /^>=(\S+) <(\S+)$/.exec(versions) ?? [];
        const known = ranges.get(module);
        ranges.set(module, {
          from:
            known !== undefined && Number.parseFloat(known.from) < Number.parseFloat(from)
              ? known.from
              : from,
          below:
            known !== undefined && Number.parseFloat(known.below) > Number.parseFloat(below)
              ? known.below
              : below,
          plugin,
        });
      }
    }
    const real = [...ranges].map(([module, { from, below, plugin }]) => {
      const [first, last] = [from.replace(/(\.0)+$/, ""), String(Number.parseInt(below, 10) - 1)];
      return [module, first === last ? first : `${first} to ${last}`, plugin];
    });
    const listed = table("Zero code", "library").map(([library, versions, plugin]) => [
      codes(library)[0],
      versions,
      plugin?.split(" ")[0],
    ]);
    expect(sorted(listed.map(String))).toEqual(sorted(real.map(String)));
  });

  it("span rules and volume options has every option", () => {
    const rules = table("Plugins", "rule").flatMap(([rule]) => codes(rule));
    expect(sorted(rules)).toEqual(sorted(membersOf("plugins/span/rule.ts", "SpanRule")));
    const volume = firstCodes(table("Plugins", "option"));
    expect(volume).toEqual([...membersOf("src/plugin/volume.ts", "Volume"), "redact"]);
  });

  it("parts of a plugin has every part", () => {
    const parts = firstCodes(table("Write a plugin", "part of the contract")).filter(
      (name) => name !== "optionsSchema",
    );
    const members = membersOf("src/plugin/contract.ts", "SourcePlugin");
    expect(sorted(new Set(parts.map((part) => part.replace(/\..*/, ""))))).toEqual(sorted(members));
    const source = read("src/plugin/contract.ts");
    const [, inside = ""] = /readonly instrument\?: \{\n(.*?)\n {2}\};/s.exec(source) ?? [];
    const below = [...inside.matchAll(/^ {4}readonly (\w+)\?/gm)].map(([, name]) => `instrument.${name}`);
    expect(sorted(parts.filter((part) => part.includes(".")))).toEqual(sorted(below));
  });

  it("transforms has every transform", async () => {
    const listed = table("Endpoints", "`mova-webhooks/transforms`").map(([usage]) =>
      codes(usage)[0]?.replace(/\(.*/, ""),
    );
    expect(sorted(listed.map(String))).toEqual(sorted(Object.keys(await import("mova-webhooks/transforms"))));
  });

  it("routes has every route", () => {
    const app = createApp({} as Served, { maxBodyBytes: 1 } as ServedParts);
    const real = app.routes.filter(
      ({ method, path }) => method !== "ALL" && path !== "*" && path !== "/*" && !path.startsWith("/assets/"),
    );
    const listed = firstCodes(table("HTTP API", "route"));
    expect(sorted(listed)).toEqual(sorted(new Set(real.map(({ method, path }) => `${method} ${path}`))));
  });

  it("headers has every header of a request", async () => {
    const endpoint = await fakeEndpoint();
    const manager = new WebhookManager({
      config: false,
      endpoints: [{ url: endpoint.url, secret: "a secret of enough bytes" }],
      network: { allow: ["127.0.0.0/8"] },
    });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await manager.drain(10_000);
    await manager.replay({ deliveryIds: deliveries });
    await manager.close();
    const [first, replayed] = endpoint.requests.map(({ rawHeaders }) =>
      rawHeaders.filter((_, index) => index % 2 === 0),
    );
    await endpoint.close();
    const connection = ["host", "connection", "content-length"];
    const rows = table("On the wire", "header").flatMap(([header]) => codes(header));
    const optional = ["X-Mova-Replay", "X-Mova-Batch", "traceparent", "tracestate"];
    const sent = first?.filter((name) => !connection.includes(name.toLowerCase())) ?? [];
    expect(sorted(sent)).toEqual(sorted(rows.filter((name) => !optional.includes(name))));
    expect(replayed).toContain("X-Mova-Replay");
  });

  it("metrics has every metric with its labels, and every outcome and reason", async () => {
    const manager = new WebhookManager({ config: false });
    const registered = manager.registry.getMetricsAsArray() as unknown as {
      readonly name: string;
      readonly labelNames: readonly string[];
    }[];
    const listed = table("Metrics, traces, log", "metric").map(([name, labels]) => [
      codes(name)[0],
      sorted(codes(labels)),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(
      Object.fromEntries(registered.map(({ name, labelNames }) => [name, sorted(labelNames)])) as object,
    );
    const oneLine = readme.replaceAll("\n", " ");
    expect(oneLine).toContain(`\`${outcomes.join(" ")}\``);
    const [, reasons = ""] = /export type DropReason =(.*?);/s.exec(read("src/telemetry/lifecycle.ts")) ?? [];
    expect(oneLine).toContain(
      `\`${[...reasons.matchAll(/"(\w+)"/g)].map(([, reason]) => reason).join(" ")}\``,
    );
    await manager.close();
  });

  it("log lines has every line, with its levels", () => {
    const written = read("src/telemetry/log.ts").matchAll(/logger\.(\w+)\([^"]*?"(\w+\.\w+)"\)/g);
    const levels = new Map<string, Set<string>>();
    for (const [, level = "", line = ""] of written) {
      levels.set(line, (levels.get(line) ?? new Set()).add(level));
    }
    const listed = table("Metrics, traces, log", "log line").map(([line, level]) => [
      codes(line)[0],
      sorted(level?.split(", or ") ?? []),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(
      Object.fromEntries([...levels].map(([line, names]) => [line, sorted(names)])) as object,
    );
  });

  it("error codes has every code with the words of the table", () => {
    const listed = table("Error codes", "code").map(([code = "", ...words]) => [codes(code)[0], ...words]);
    const real = Object.entries(errorTable).map(([code, { meaning, remedy }]) => [code, meaning, remedy]);
    expect(listed).toEqual(real);
  });

  it("Python names has every name of the original, with one here that exists", async () => {
    const rows = table("From the Python module", "Python");
    const originals = rows.map(([python]) => python).join(" ");
    for (const name of pythonNames) expect(originals, name).toContain(name);
    const api = await import("mova-webhooks");
    const known = [api, WebhookManager.prototype, WebhookReceiver.prototype].flatMap((owner) =>
      Object.getOwnPropertyNames(owner),
    );
    for (const [, here] of rows) {
      for (const code of codes(here)) {
        const [, called] = /^(?:await |new )?(\w+)\(/.exec(code) ?? [];
        if (called !== undefined) expect(known).toContain(called);
      }
    }
  });
});

/** What the Python module's own page documents. */
const pythonNames = [
  ...[
    "WebhookEndpoint(",
    "WebhookReceiver(",
    "WebhookEventType",
    "add_webhook_endpoint",
    "get_webhook_manager",
  ],
  ...["url", "secret", "headers", "timeout", "retries", "enabled", "event_types"],
  ...[
    "trigger_validation_started",
    "trigger_validation_completed",
    "trigger_cache_updated",
    "trigger_error_occurred",
  ],
  ...["add_endpoint", "remove_endpoint", "add_event_handler", "trigger_event", "is_enabled", "set_enabled"],
  ...["add_handler", "verify_signature", "generate_signature", "handle_webhook", "receiver.secret"],
  ...["config.yaml", "logging.getLogger", "Flask", "FastAPI"],
];
