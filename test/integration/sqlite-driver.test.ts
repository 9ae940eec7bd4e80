/** The driver of the SQLite outbox where it cannot be loaded: what is said, and what helps. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadDriver } from "../../src/outbox/sqlite/drivers.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { root, runProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const usesAddOn = Number.parseInt(process.versions.node, 10) < 24;

const program = `
  import { sqliteOutbox } from "./dist/src/outbox/sqlite/index.js";
  await sqliteOutbox({ path: "./outbox.db" }).ping().catch(({ code, message }) => console.log(code, message));
`;

/** The built package as it is installed, with nothing beside it. */
function installed(): string {
  const folder = temporaryFolder();
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  writeFileSync(join(folder, "package.json"), `{ "type": "module", "version": "1.0.0" }`);
  return folder;
}

function installAddOn(folder: string): string {
  const modules = join(folder, "node_modules");
  const require = createRequire(import.meta.url);
  const from = dirname(require.resolve("better-sqlite3/package.json"));
  const names = ["package.json", "lib"];
  for (const name of names)
    cpSync(join(from, name), join(modules, "better-sqlite3", name), { recursive: true });
  for (const name of ["bindings", "file-uri-to-path"])
    cpSync(join(from, "..", name), join(modules, name), { recursive: true });
  const binary = join(modules, "better-sqlite3", "build", "Release");
  mkdirSync(binary, { recursive: true });
  return join(binary, "better_sqlite3.node");
}

describe.skipIf(!usesAddOn)("where Node has no SQLite of its own", () => {
  it("an add-on that is not installed is named", async () => {
    const folder = installed();
    const words = ["--input-type=module", "--eval", program];
    const { stdout, stderr } = await runProgram(process.execPath, words, { folder });
    expect({ stdout, stderr }).toEqual({
      stdout: `DEPENDENCY_MISSING The SQLite outbox needs the package \`better-sqlite3\`, built for Node ${process.version}. Install the package the message names.\n`,
      stderr: "",
    });
  });

  it("an add-on that was built for another Node is answered with what to do", async () => {
    const folder = installed();
    writeFileSync(installAddOn(folder), "built for something else");
    const words = ["--input-type=module", "--eval", program];
    const { stdout } = await runProgram(process.execPath, words, { folder });
    expect(stdout).toContain("DEPENDENCY_MISSING");
    expect(stdout).toContain("run `npm rebuild better-sqlite3` with this Node, or use Node 24");
  });
});

describe.skipIf(usesAddOn)("where Node has a SQLite of its own", () => {
  it("no add-on is needed, and nobody is warned", async () => {
    const folder = installed();
    const words = ["--input-type=module", "--eval", `${program} console.log("stored")`];
    const { stdout, stderr } = await runProgram(process.execPath, words, { folder });
    expect({ stdout, stderr }).toEqual({ stdout: "stored\n", stderr: "" });
    expect(readFileSync(join(folder, "outbox.db")).subarray(0, 15).toString()).toBe("SQLite format 3");
  });
});

describe.skipIf(!sqliteLoads)("whichever driver it is", () => {
  it("gives errors the same codes, rows the same form, and bytes as buffers", () => {
    const database = loadDriver()(":memory:", { timeout: 0 });
    database.exec("CREATE TABLE things (id INTEGER PRIMARY KEY, bytes BLOB)");
    const insert = database.prepare<[number, Buffer]>("INSERT INTO things VALUES (?, ?)");
    expect(insert.run(7, Buffer.from("seven"))).toEqual({ changes: 1, lastInsertRowid: 7 });
    expect(() => insert.run(7, Buffer.from("again"))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^SQLITE_CONSTRAINT/) }),
    );
    const row = database.prepare("SELECT * FROM things").get();
    expect(row).toStrictEqual({ id: 7, bytes: Buffer.from("seven") });
    expect(database.prepare("SELECT * FROM things").raw().all()).toEqual([[7, Buffer.from("seven")]]);
    expect(database.prepare("SELECT bytes FROM things").pluck().all()).toEqual([Buffer.from("seven")]);
    expect(database.prepare("SELECT * FROM things WHERE id = 8").get()).toBeUndefined();
    expect(database.pragma("user_version", { simple: true })).toBe(0);
    database.close();
    expect(database.open).toBe(false);
  });
});
