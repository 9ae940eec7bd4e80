/** The packed tarball in an empty project: what is in it, what of it loads, what it says where an optional part is absent. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type FakeEndpoint, fakeEndpoint } from "mova-webhooks/testing";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { webhookEnvironment } from "../support/child-project.ts";
import { type Ended, runProgram } from "../support/program.ts";
import { type StrangerProject, strangerProject } from "../support/stranger-project.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
};

/** What is neither compiled nor a file of the console's page. */
const besides = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "SECURITY.md",
  ...filesBelow(join(root, "docs")).map((name) => `docs/${name}`),
  "grafana/README.md",
  "grafana/alerts/alerts.yml",
  "grafana/alerts/recording.yml",
  "grafana/dashboards/delivery-overview.json",
  "grafana/dashboards/endpoint-detail.json",
  "grafana/dashboards/sources-and-runtime.json",
  "grafana/docker-compose.yml",
  "grafana/provisioning/dashboards/mova-webhooks.yml",
  "grafana/provisioning/datasources/mova-webhooks.yml",
  "grafana/provisioning/prometheus.yml",
  "grafana/provisioning/tempo.yml",
  "package.json",
];

let project: StrangerProject;
let endpoint: FakeEndpoint;

beforeAll(async () => {
  project = await strangerProject();
  // As without optional packages: no better-sqlite3, no bullmq, no ioredis.
  project.link(...Object.keys(manifest.dependencies), "@opentelemetry/api");
}, 60_000);

beforeEach(async () => {
  endpoint = await fakeEndpoint();
});
afterEach(() => endpoint.close());

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** The names that `exports` lets a user import. */
function entries(): string[] {
  const plugins = readdirSync(join(project.unpacked, "dist/plugins"), { withFileTypes: true });
  return Object.keys(manifest.exports)
    .filter((path) => path !== "./package.json")
    .flatMap((path) =>
      path.endsWith("/*")
        ? plugins.filter((entry) => entry.isDirectory()).map(({ name }) => path.replace("*", name))
        : [path],
    )
    .map((path) => path.replace(/^\./, "mova-webhooks"));
}

function runNode(text: string, { name = "app.mjs", flags = [] as string[], env = {} } = {}): Promise<Ended> {
  project.write(name, text);
  return runProgram(process.execPath, [...flags, name], { folder: project.folder, env });
}

/** Compiles one file as the strictest of users would. */
function compile(name: string, text: string, types: readonly string[] = ["node"]): Promise<Ended> {
  project.write(name, text);
  const compilerOptions = {
    ...{ module: "nodenext", target: "es2023", lib: ["es2023"], types, noEmit: true },
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
  };
  project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: [name] }));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  return runProgram(process.execPath, [compiler, "-p", "."], { folder: project.folder });
}

const silent = { code: 0, signal: null, stderr: "" };

describe("the tarball", () => {
  it("holds what is made of each source, the console's page, the documentation, Grafana's files, and nothing else", () => {
    const made = ["src", "plugins"].flatMap((folder) =>
      filesBelow(join(root, folder)).flatMap((name) => {
        const path = `dist/${folder}/${name}`;
        return name.endsWith(".ts") ? [path.replace(/ts$/, "d.ts"), path.replace(/ts$/, "js")] : [path];
      }),
    );
    expect(filesBelow(project.unpacked)).toEqual([...made, ...besides].sort());
    expect(made).toContain("dist/src/instrumentation/register.js");
    expect(made).toContain("dist/src/server/console/page/index.html");
  });

  it("names no path of the machine it was packed on", () => {
    const places = [root, homedir(), project.folder].map((place) => `${place.replace(/\/$/, "")}/`);
    const telling = filesBelow(project.unpacked).filter((name) => {
      const text = readFileSync(join(project.unpacked, name), "utf8");
      return places.some((place) => text.includes(place));
    });
    expect(telling).toEqual([]);
  });
});

describe("without any optional package", () => {
  it("loads every entry as an ES module, without a word", async () => {
    const names = entries();
    expect(names.length).toBeGreaterThan(20);
    const imports = names.map((name) => `import * as _${names.indexOf(name)} from "${name}";`);
    const counts = names.map((_, index) => `Object.keys(_${index}).length`);
    const { stdout, ...rest } = await runNode(
      `${imports.join("\n")}\nconsole.log(JSON.stringify([${counts.join(", ")}]));`,
    );
    expect(rest).toEqual(silent);
    const empty = names.filter((_, index) => (JSON.parse(stdout) as number[])[index] === 0);
    expect(empty).toEqual(["mova-webhooks/register"]);
  });

  it("loads by require(), and as one with what import gives", async () => {
    const ended = await runNode(
      `const { WebhookManager, version } = require("mova-webhooks");
      import("mova-webhooks").then((module) => console.log(module.WebhookManager === WebhookManager, version));`,
      { name: "app.cjs" },
    );
    expect(ended).toEqual({ ...silent, stdout: `true ${manifest.version}\n` });
  });

  it("watches a program that knows nothing of it, by --import", async () => {
    project.copy("lru-cache");
    const ended = await runNode(
      `import { LRUCache } from "lru-cache"; new LRUCache({ max: 1 }).set("a key", 1); console.log("done");`,
      {
        flags: ["--import", "mova-webhooks/register"],
        env: { ...webhookEnvironment(endpoint.url), MOVA_WEBHOOK_OUTBOX: "memory" },
      },
    );
    expect(ended).toEqual({ ...silent, stdout: "done\n" });
    expect(endpoint.requests.map(({ body }) => JSON.parse(body.toString()) as object)).toEqual([
      expect.objectContaining({
        event_type: "cache.updated",
        data: expect.objectContaining({ library: "lru-cache", key: "a key" }),
      }),
    ]);
  });

  it("runs from the command line by the name of its program", async () => {
    const bin = join(project.folder, "node_modules/.bin");
    mkdirSync(bin);
    for (const [name, path] of Object.entries(manifest.bin)) {
      chmodSync(join(project.unpacked, path), 0o755);
      symlinkSync(join(project.unpacked, path), join(bin, name));
    }
    const PATH = [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter);
    const version = await runProgram("mova-webhooks", ["--version"], {
      folder: project.folder,
      env: { PATH },
    });
    expect(version).toEqual({ ...silent, stdout: `${manifest.version}\n` });
    const send = ["send", "cache.updated", "--data", '{"key":"a key"}'];
    const env = { PATH, ...webhookEnvironment(endpoint.url), MOVA_WEBHOOK_OUTBOX: "memory" };
    expect(await runProgram("mova-webhooks", send, { folder: project.folder, env })).toMatchObject({
      code: 0,
    });
    expect(endpoint.requests.map(({ headers }) => headers["x-mova-event"])).toEqual(["cache.updated"]);
  });

  it.each([
    ["sqlite", "better-sqlite3", `sqliteOutbox({ path: "./outbox.db" })`],
    ["redis", "bullmq", `redisOutbox()`],
  ])(
    "refuses the %s outbox with the name of the package %s, once it is chosen",
    async (room, name, outbox) => {
      const ended = await runNode(
        `import { WebhookManager } from "mova-webhooks";
      import { ${room}Outbox } from "mova-webhooks/outbox/${room}";
      const manager = new WebhookManager({ config: false, outbox: ${outbox} });
      await manager.start().catch(({ code, message }) => console.log(code, message));
      await manager.close();`,
      );
      expect(ended).toMatchObject({ ...silent, stdout: expect.stringContaining(`\`${name}\``) });
      expect(ended.stdout).toMatch(/^DEPENDENCY_MISSING The \w+ outbox needs .*\n$/);
    },
  );

  it("refuses it on the command line as wrong usage, in one line", async () => {
    const main = join("node_modules/mova-webhooks", manifest.bin["mova-webhooks"] ?? "");
    const ended = await runProgram(process.execPath, [main, "deliveries", "list"], {
      folder: project.folder,
      env: { ...webhookEnvironment(endpoint.url), MOVA_WEBHOOK_OUTBOX: "./outbox.db" },
    });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^mova-webhooks: .* needs the package `better-sqlite3`, .*\n$/);
  });
});

describe("its types", () => {
  beforeAll(() => project.link("@types/node"));

  /** Their own packages are in the signatures of these. */
  const foreign = [
    "mova-webhooks/outbox/redis",
    "mova-webhooks/outbox/postgres",
    "mova-webhooks/receiver/fastify",
  ];

  it("compile without optional packages, libraries checked, for whoever does not import what needs one", async () => {
    const names = entries().filter((name) => !foreign.includes(name));
    const ended = await compile("every.ts", names.map((name) => `export type {} from "${name}";`).join("\n"));
    expect(ended).toEqual({ ...silent, stdout: "" });
  });

  it("compile with them", async () => {
    project.link("ioredis", "bullmq", "fastify", "pg", "@types/pg");
    const ended = await compile(
      "foreign.ts",
      foreign.map((name) => `export type {} from "${name}";`).join("\n"),
    );
    expect(ended).toEqual({ ...silent, stdout: "" });
  });

  it("compile, each entry by itself, in a project that names no types: TypeScript 7 takes none by itself", async () => {
    const refused: string[] = [];
    for (const name of entries()) {
      const { stdout } = await compile("alone.ts", `export type {} from "${name}";`, []);
      if (stdout !== "") refused.push(`${name}: ${stdout}`);
    }
    expect(refused).toEqual([]);
  });

  it("accept and refuse in a user's project what they do in this one", async () => {
    const text = readFileSync(join(root, "test/types/public-api.ts"), "utf8");
    expect(await compile("users.ts", text)).toEqual({ ...silent, stdout: "" });
    const wrong = text.replaceAll("// @ts-expect-error", "//");
    expect((await compile("users.ts", wrong)).code).not.toBe(0);
  });
});
