import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = new URL("../..", import.meta.url).pathname;

/** Room → rooms it may import from, itself aside. Contracts are files that any station may know. */
const contracts = [
  "src/plugin/contract.ts",
  "src/outbox/outbox.ts",
  "src/telemetry/lifecycle.ts",
  "src/telemetry/trace-contract.ts",
];
const stations = ["bus", "plugin", "outbox", "delivery", "receiver", "telemetry", "read", "routing"];
const edges = ["cli", "server", "instrumentation", "testing"];
const assembly = /^src\/(manager\/)?[a-z-]+\.ts$/;

/** Where what there is stands as data: configuration is read by it. */
const lists = ["src/outbox/kinds.ts"];

function mayImport(from: string, to: string): boolean {
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  if (fromRoom === toRoom || edges.includes(fromRoom)) return true;
  if (assembly.test(from)) return !edges.includes(toRoom) || /^src\/(index|manager\/manager)\.ts$/.test(from);
  if (contracts.includes(from)) return ["event", "settings"].includes(toRoom) || contracts.includes(to);
  if (toRoom === "time") return true;
  if (fromRoom === "time") return false;
  if (fromRoom === "event") return false;
  if (fromRoom === "read" && lists.includes(to)) return true;
  if (fromRoom === "settings") return toRoom === "event";
  if (["signing", "security", "transforms"].includes(fromRoom)) return ["event", "settings"].includes(toRoom);
  if (stations.includes(fromRoom))
    return ["event", "settings", "signing", "security"].includes(toRoom) || contracts.includes(to);
  return false;
}

/** Declarations of settings are for all; what reads files and the environment by them is a station. */
function roomOf(file: string): string {
  if (file.startsWith("src/settings/read/")) return "read";
  return assembly.test(file) ? "assembly" : (file.split("/")[1] ?? "");
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), "utf8");
  const specifiers = source.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return [...specifiers].map((match) => match[1] ?? "");
}

function resolveRelative(file: string, specifier: string): string {
  return relative(root, join(root, dirname(file), specifier));
}

describe("the house", () => {
  const sources = filesBelow("src");

  it("has no import that its plan does not allow", () => {
    const forbidden = sources.flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => resolveRelative(file, specifier))
        .filter((target) => !mayImport(file, target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(forbidden).toEqual([]);
  });

  it("refuses the imports it is there to refuse", () => {
    expect(mayImport("src/bus/bus.ts", "src/delivery/worker.ts")).toBe(false);
    expect(mayImport("src/event/errors.ts", "src/outbox/outbox.ts")).toBe(false);
    expect(mayImport("src/delivery/worker.ts", "src/manager/manager.ts")).toBe(false);
    expect(mayImport("src/delivery/worker.ts", "src/outbox/memory/memory-outbox.ts")).toBe(false);
    expect(mayImport("src/settings/setting.ts", "src/settings/read/config.ts")).toBe(false);
    expect(mayImport("src/delivery/worker.ts", "src/outbox/outbox.ts")).toBe(true);
    expect(mayImport("src/delivery/worker.ts", "src/outbox/kinds.ts")).toBe(false);
    expect(mayImport("src/delivery/worker.ts", "src/settings/setting.ts")).toBe(true);
  });

  it("lets built-in plugins import only what a stranger could", () => {
    const forbidden = filesBelow("plugins").flatMap((file) =>
      importsOf(file)
        .filter((specifier) => !isPublic(file, specifier))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(forbidden).toEqual([]);
  });

  it("has a first line in every file that says what the file is", () => {
    const silent = [...sources, ...filesBelow("plugins")].filter(
      (file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(silent).toEqual([]);
  });
});

/** Its own folder, the public contract, Node, OpenTelemetry's API, and types of the libraries it watches. */
function isPublic(file: string, specifier: string): boolean {
  if (specifier.startsWith(".")) return resolveRelative(file, specifier).startsWith("plugins/");
  if (specifier === "mova-webhooks/plugin" || specifier.startsWith("node:")) return true;
  if (specifier === "@opentelemetry/api") return true;
  const source = readFileSync(join(root, file), "utf8");
  return new RegExp(`import type [^;]*"${specifier}"`).test(source);
}
