/** The house is as ARCHITECTURE says: who imports whom, no circles, no fields that others assign, no long files. */
import { describe, expect, it } from "vitest";
import {
  circlesAmong,
  codeOf,
  filesBelow,
  importsOf,
  openFields,
  resolveRelative,
  sourceOf,
  specifiersOf,
} from "../support/house.ts";
import { codes, firstCodes, table } from "../support/pages.ts";

/** Room → rooms it may import from, itself aside. Contracts are files that any station may know. */
const contracts = [
  "src/plugin/contract.ts",
  "src/outbox/outbox.ts",
  "src/outbox/outbox-data.ts",
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
  if (fromRoom === toRoom) return mayImportWithin(from, to);
  if (edges.includes(fromRoom)) return true;
  if (assembly.test(from)) return !edges.includes(toRoom) || /^src\/(index|manager\/manager)\.ts$/.test(from);
  if (contracts.includes(from)) return ["event", "settings"].includes(toRoom) || contracts.includes(to);
  if (subRoomOf(from) === pure) return toRoom === "event" || contracts.includes(to);
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

/** Rooms within rooms: they may import what their room shares, and nothing of each other but what is pure. */
const shared: Readonly<Record<string, RegExp>> = {
  outbox: /^src\/outbox\/kinds\.ts$/,
  delivery: /^src\/delivery\//,
  telemetry: /^$/,
};
const pure = "delivery/policy";

function mayImportWithin(from: string, to: string): boolean {
  const room = roomOf(from);
  const knowsSubRooms = shared[room];
  if (knowsSubRooms === undefined) return true;
  const [fromSub, toSub] = [subRoomOf(from), subRoomOf(to)];
  if (fromSub === toSub || toSub === pure) return true;
  if (fromSub === pure) return contracts.includes(to);
  if (fromSub === undefined) return knowsSubRooms.test(from);
  return toSub === undefined;
}

function subRoomOf(file: string): string | undefined {
  const [, room, sub, inside] = file.split("/");
  return inside === undefined ? undefined : `${room}/${sub}`;
}

/** The list of what the house still has to get rid of; each goes from here with its cause. */

/** Plain records whose own room keeps them up to date: they have no behaviour that such a change could surprise. */
const records = ["DeliveryRecord", "Identity"];

describe("the house", () => {
  const sources = filesBelow("src");
  const plugins = filesBelow("plugins");

  it("has no import that its plan does not allow", () => {
    const forbidden = sources.flatMap((file) =>
      importsOf(file)
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
    expect(mayImport("src/outbox/sqlite/claim.ts", "src/outbox/memory/store.ts")).toBe(false);
    expect(mayImport("src/outbox/query.ts", "src/outbox/memory/store.ts")).toBe(false);
    expect(mayImport("src/delivery/lane/lane.ts", "src/delivery/http/attempt.ts")).toBe(false);
    expect(mayImport("src/delivery/policy/retry.ts", "src/delivery/worker.ts")).toBe(false);
    expect(mayImport("src/delivery/policy/retry.ts", "src/time/timers.ts")).toBe(false);
    expect(mayImport("src/telemetry/log/log.ts", "src/telemetry/metrics/metrics.ts")).toBe(false);
    expect(mayImport("src/delivery/lane/lane.ts", "src/delivery/policy/retry.ts")).toBe(true);
    expect(mayImport("src/outbox/sqlite/claim.ts", "src/outbox/due.ts")).toBe(true);
    expect(mayImport("src/delivery/worker.ts", "src/outbox/outbox.ts")).toBe(true);
    expect(mayImport("src/delivery/worker.ts", "src/outbox/kinds.ts")).toBe(false);
    expect(mayImport("src/delivery/worker.ts", "src/settings/setting.ts")).toBe(true);
  });

  it("has the rooms, and each the imports, that ARCHITECTURE tells of", () => {
    const rows = table("Rooms", "room");
    const rooms = firstCodes(rows);
    const real = sources.map((file) => file.split("/").slice(1, -1)[0] ?? "").filter((room) => room !== "");
    expect(rooms.toSorted()).toEqual([...new Set([...real, "settings/read"])].toSorted());
    const fileIn = (room: string): string => `src/${room}/any-file.ts`;
    for (const [index, from] of rooms.entries()) {
      const others = rooms.filter((other) => other !== from);
      const allowed = others.filter((to) => mayImport(fileIn(from), fileIn(to)));
      const [, , told = ""] = rows[index] ?? [];
      const stations = others.filter((other) => !edges.includes(other));
      const listed = told.startsWith("all but") ? stations : told === "all" ? others : codes(told);
      expect([from, listed.toSorted()]).toEqual([from, allowed.toSorted()]);
    }
    expect(firstCodes(table("Contracts", "contract"))).toEqual(contracts);
  });

  it("lets built-in plugins import only what a stranger could", () => {
    const forbidden = plugins.flatMap((file) =>
      specifiersOf(file)
        .filter((specifier) => !isPublic(file, specifier))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(forbidden).toEqual([]);
  });

  it("has a first line in every file that says what the file is", () => {
    const silent = [...sources, ...plugins].filter((file) => !/^(#!.*\n)?\/\*\*/.test(sourceOf(file)));
    expect(silent).toEqual([]);
  });

  it("has no circle of imports, types included", () => {
    const imports = new Map([...sources, ...plugins].map((file) => [file, importsOf(file)]));
    expect(circlesAmong(imports)).toEqual([]);
  });

  it("would see a circle", () => {
    const imports = new Map([
      ["a", ["b"]],
      ["b", ["c", "d"]],
      ["c", []],
      ["d", ["b", "c"]],
    ]);
    expect(circlesAmong(imports)).toEqual(["b → d → b"]);
  });

  it("takes timers and the monotonic clock from `time`, so that no test framework's fake ones hold it up", () => {
    const outside = sources.filter((file) => !file.startsWith("src/time/"));
    const stray = outside.filter((file) =>
      /performance\.now|process\.nextTick|"node:timers/.test(codeOf(file)),
    );
    expect(stray).toEqual([]);
    const timers = /(?<![\w."])(?:(?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask)(?=\()/g;
    const unnamed = outside.flatMap((file) =>
      [...new Set(codeOf(file).match(timers))]
        .filter(
          (name) => !new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from "[./]+/time/`).test(codeOf(file)),
        )
        .map((name) => `${file}: ${name}`),
    );
    expect(unnamed).toEqual([]);
  });

  it("waits with one deadline for what may never end", () => {
    const races = sources.filter((file) => codeOf(file).includes("Promise.race"));
    // The receiver's time to answer begins before what it bounds, by a timer that the user may give.
    expect(races.toSorted()).toEqual(["src/receiver/answer.ts", "src/time/deadline.ts"]);
  });

  it("has a pure policy: no clock, no chance, nothing that waits", () => {
    const impure = filesBelow(`src/${pure}`).filter((file) =>
      /Date\.now|Math\.random|performance|process\.|\basync\b|\bawait\b/.test(codeOf(file)),
    );
    expect(impure).toEqual([]);
  });

  it("has no file of more than 250 lines but the published suites", () => {
    const long = [...sources, ...plugins].filter((file) => sourceOf(file).split("\n").length > 251);
    const allowed = (file: string): boolean => /^src\/testing\/.*-cases\.ts$/.test(file);
    expect(long.filter((file) => !allowed(file))).toEqual([]);
  });

  it("has no field that another file could assign: what a part needs it gets when it is built", () => {
    const open = [...sources, ...plugins].flatMap((file) =>
      openFields(sourceOf(file))
        .filter((field) => !records.includes(field.split(".")[0] ?? ""))
        .map((field) => `${file}: ${field}`),
    );
    expect(open).toEqual([]);
  });

  it("would see such a field", () => {
    const source = [
      "export class Part {",
      "  readonly name = 1;",
      "  readonly #own: string;",
      "  #count = 0;",
      "  worker?: Worker;",
      "  open = true;",
      "  set size(value: number) {",
      "    this.#count = value;",
      "  }",
      "  get size(): number {",
      "  close(): void {",
      "}",
      "export interface Ports {",
      "  readonly now: () => number;",
      "  close(): void;",
      "  then: () => void;",
      "}",
      "interface Own {",
      "  count: number;",
      "}",
    ];
    expect(openFields(source.join("\n"))).toEqual(["Part.worker", "Part.open", "Part.size", "Ports.then"]);
  });
});

/** Its own folder, the public contract, Node, OpenTelemetry's API, and types of the libraries it watches. */
function isPublic(file: string, specifier: string): boolean {
  if (specifier.startsWith(".")) return resolveRelative(file, specifier).startsWith("plugins/");
  if (specifier === "mova-webhooks/plugin" || specifier.startsWith("node:")) return true;
  if (specifier === "@opentelemetry/api") return true;
  return new RegExp(`import type [^;]*"${specifier}"`).test(sourceOf(file));
}
