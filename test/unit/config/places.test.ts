/** Which files are read: the configuration's, those of its secrets, and no module before it is needed. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { inFolder, load, mistakes, strong } from "../../support/config-file.ts";

describe("which file", () => {
  test("MOVA_WEBHOOK_CONFIG names it, and the path given by code wins", () => {
    mkdirSync(inFolder("conf"));
    writeFileSync(inFolder("conf/a.yaml"), "webhook: { timeout: 1 }");
    writeFileSync(
      inFolder("conf/b.json"),
      '{ "webhook": { "timeout": 2, "outbox": { "type": "sqlite", "path": "x.db" } } }',
    );
    const env = { MOVA_WEBHOOK_CONFIG: "conf/a.yaml" };
    expect(load("webhook: { timeout: 3 }", { env }).timeout).toBe(1);
    const config = load(undefined, { env, path: "conf/b.json" });
    expect(config).toMatchObject({ timeout: 2, outbox: { path: inFolder("conf/x.db") } });
    expect(config.sourcePath).toBe(inFolder("conf/b.json"));
  });

  test("a named file that is missing, a directory, too large, binary or not UTF-8 is refused", () => {
    mkdirSync(inFolder("dir"));
    writeFileSync(inFolder("large.yaml"), `webhook: {} #${"x".repeat(1_048_576)}`);
    writeFileSync(inFolder("binary.yaml"), Buffer.from([1, 0, 2]));
    writeFileSync(inFolder("latin.yaml"), Buffer.from([0x61, 0xff, 0xfe]));
    const of = (name: string) => mistakes(undefined, { env: { MOVA_WEBHOOK_CONFIG: name } });
    expect(of("absent.yaml")).toBe("absent.yaml does not exist; MOVA_WEBHOOK_CONFIG names it");
    expect(of("dir")).toBe("dir is a directory, not a file");
    expect(of("large.yaml")).toBe("large.yaml has 1048589 bytes; at most 1048576 are read");
    expect(of("binary.yaml")).toBe("binary.yaml is a binary file, not a text");
    expect(of("latin.yaml")).toBe("latin.yaml is not UTF-8 text");
    expect(of("/dev/null")).toBe("/dev/null is not a regular file");
    expect(mistakes(undefined, { path: "absent.yaml" })).toBe("absent.yaml does not exist");
  });

  test("a file that is named, or that a running process had, must have the section", () => {
    const expected =
      "1:1: expected a mapping with a section `webhook:`; write `webhook: {}` where nothing is to be set";
    writeFileSync(inFolder("other.yaml"), "endpoints: []\n");
    expect(mistakes(undefined, { path: "other.yaml" })).toBe(
      `other.yaml:${expected}\n  1 | endpoints: []\n      ^`,
    );
    const lastPath = inFolder("mova.config.yaml");
    for (const text of ["", "# nothing yet\n", "llm: {}\n", "{}"]) {
      expect(mistakes(text, { lastPath })).toContain(`mova.config.yaml:${expected}\n`);
      const { endpoints, warnings } = load(text);
      expect([endpoints, warnings]).toEqual([
        [],
        ["mova.config.yaml has no section `webhook:`: nothing is set there"],
      ]);
    }
    for (const text of ["webhook:\n", "webhook:\n  # endpoints:\n"]) expect(load(text).endpoints).toEqual([]);
  });

  test("a key that resembles that of the section is shown", () => {
    for (const key of ["webhok", "wehbook", "WebHook", "web_hooks", "webook"])
      expect(mistakes(`llm: {}\n${key}: {}\n`)).toContain(
        "mova.config.yaml:2:1: expected a mapping with a section `webhook:`; did you mean `webhook` by this key?\n",
      );
    expect(load("website: {}\n").warnings).toHaveLength(1);
  });
});

describe("secrets", () => {
  test("secret_file is read relative to the file, without its last line break, also per endpoint", () => {
    mkdirSync(inFolder("conf"));
    for (const name of ["all", "own"]) {
      writeFileSync(inFolder(`conf/${name}`), `${strong}-${name}\n`);
      chmodSync(inFolder(`conf/${name}`), 0o600);
    }
    writeFileSync(
      inFolder("conf/c.yaml"),
      "webhook: { secret_file: ./all, endpoints: [{ url: https://a.example, secret_file: own }] }",
    );
    const config = load(undefined, { path: "conf/c.yaml" });
    expect(config.secret).toBe(`${strong}-all`);
    expect(config.endpoints[0]).toEqual({ url: "https://a.example", secret: `${strong}-own` });
    expect(config.warnings).toEqual([]);
  });

  test("a secret_file that others can read works, with a warning", () => {
    writeFileSync(inFolder("open"), strong);
    chmodSync(inFolder("open"), 0o644);
    const config = load("webhook: { secret_file: open }");
    expect(config.secret).toBe(strong);
    expect(config.warnings).toEqual(["Other users can read the secret in `open`; `chmod 600` it"]);
  });

  test("an empty secret_file is refused", () => {
    writeFileSync(inFolder("empty"), "\n");
    expect(mistakes("webhook: { secret_file: empty }")).toContain("1:25: `empty` is empty");
  });
});

test("yaml is loaded only when there is a file, and zod not even then", () => {
  const folder = new URL("../../../src/settings/", import.meta.url);
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const heavy = names.flatMap((name) => {
    const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
    return lines.filter((line) => /^import (?!type).*"(yaml|zod)|require\("zod/.test(line));
  });
  expect(names).toContain("read/parse-file.ts");
  expect(heavy).toEqual([]);
});
