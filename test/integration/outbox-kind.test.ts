/** A store of one's own: its folder beside the others and its entry in their list, and nothing else is touched. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { secret } from "../support/pipeline.ts";
import { root, runProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("a new kind of outbox", () => {
  let project: string;

  beforeAll(async () => {
    project = temporaryFolder();
    for (const name of ["package.json", "tsconfig.json", "tsconfig.build.json", "src", "plugins"])
      cpSync(join(root, name), join(project, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
    cpSync(join(root, "test/fixtures/outbox-kind/nothing"), join(project, "src/outbox/nothing"), {
      recursive: true,
    });
    const list = join(project, "src/outbox/kinds.ts");
    const entered = readFileSync(list, "utf8")
      .replace("= [memoryKind,", "= [nothingKind, memoryKind,")
      .replace(
        "import { memoryKind",
        'import { nothingKind } from "./nothing/kind.ts";\nimport { memoryKind',
      );
    writeFileSync(list, entered);
    const built = await runProgram(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
      folder: project,
    });
    if (built.code !== 0) throw new Error(built.stdout);
  }, 120_000);

  function cli(words: readonly string[], { file = "webhook: {}", env = {} } = {}) {
    writeFileSync(join(project, "mova.config.yaml"), file);
    return runProgram(process.execPath, [join(project, "dist/src/cli/main.js"), ...words], {
      folder: project,
      env,
    });
  }

  it("is chosen by the file", async () => {
    const file = "webhook: { outbox: { type: nothing, shelf: top, max_things: 3 } }";
    const { code, stdout } = await cli(["config", "check", "--json"], { file });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      config: { outbox: { type: "nothing", shelf: "top", maxThings: 3 } },
    });
  });

  it.each([
    ["{ type: nothing }", ":1:20: `webhook.outbox.shelf` is missing; it must be the name of a shelf"],
    [
      "{ type: nothing, shelf: top, max_things: 10 }",
      "`webhook.outbox.max_things` must be a whole number from 1 to 9",
    ],
    ["{ type: nothing, shelv: top }", "unknown key `shelv`; did you mean `shelf`?"],
    ["{ type: nought }", "`webhook.outbox.type` must be nothing, memory, sqlite, postgres or redis"],
  ])("is checked in the file: %s", async (outbox, mistake) => {
    const { code, stderr } = await cli(["config", "check"], { file: `webhook: { outbox: ${outbox} }` });
    expect(code).toBe(2);
    expect(stderr).toContain(mistake);
  });

  it("is chosen by the environment, whose mistakes name it", async () => {
    const env = { MOVA_WEBHOOK_OUTBOX: "nothing://attic" };
    const { stdout } = await cli(["config", "check"], { env });
    expect(stdout).toContain("outbox nothing\n");
    const wrong = await cli(["config", "check"], { env: { MOVA_WEBHOOK_OUTBOX: "something://attic" } });
    expect(wrong.stderr).toContain(
      "MOVA_WEBHOOK_OUTBOX must be a URL that starts with nothing://, memory, a path, a URL that",
    );
  });

  it("is examined by the doctor", async () => {
    const env = { MOVA_WEBHOOK_OUTBOX: "nothing://attic" };
    const { stdout } = await cli(["doctor", "--json"], { env });
    const findings = JSON.parse(stdout) as { check: string }[];
    expect(findings.filter(({ check }) => ["outbox", "nothing", "clock"].includes(check))).toEqual([
      expect.objectContaining({ check: "clock", level: "ok" }),
      { check: "outbox", level: "ok", message: "nothing answers" },
      { check: "nothing", level: "warn", message: "attic is empty", remedy: "Fill it" },
      expect.objectContaining({ check: "clock", message: "it is 60 s ahead of that of Nothing" }),
    ]);
  });

  it("is looked into by the command line", async () => {
    const endpoint = `{ id: attic, url: "https://hooks.example.com/", secret: ${secret} }`;
    const { code, stdout } = await cli(["status"], {
      file: `webhook: { endpoints: [${endpoint}] }`,
      env: { MOVA_WEBHOOK_OUTBOX: "nothing://attic" },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/attic .*3 +0 +0/);
  });

  it("is named among those that can be looked into", async () => {
    const { stderr } = await cli(["status"], { env: { MOVA_WEBHOOK_OUTBOX: "memory" } });
    expect(stderr).toContain("MOVA_WEBHOOK_OUTBOX to Nothing, SQLite, Postgres or Redis");
  });

  async function program(outbox: string, lines: string): Promise<string> {
    const endpoint = `{ id: attic, url: "https://hooks.example.com/", secret: ${secret} }`;
    writeFileSync(
      join(project, "mova.config.yaml"),
      `webhook: { outbox: ${outbox}, endpoints: [${endpoint}] }`,
    );
    writeFileSync(
      join(project, "program.mjs"),
      `import { WebhookManager } from "mova-webhooks";
       const webhooks = new WebhookManager();
       await webhooks.start();
       ${lines}
       await webhooks.close();`,
    );
    const { stdout, stderr } = await runProgram(process.execPath, ["program.mjs"], { folder: project });
    expect(stderr).toBe("");
    return stdout;
  }

  it("is opened by a manager that reads the configuration", async () => {
    const found = "console.log((await webhooks.find()).deliveries.length);";
    expect(await program("{ type: nothing, shelf: top }", `await webhooks.ready(); ${found}`)).toBe("0\n");
  });

  it("may be made of what plugins watch, where it says so", async () => {
    const puts = await program(
      "{ type: nothing, shelf: top }",
      `let puts = 0;
       globalThis.whenPut = async () => {
         puts += 1;
         await undefined;
         if (puts < 5) webhooks.reportError(new Error("while storing"));
       };
       await webhooks.triggerEvent("cache.updated");
       console.log(puts);`,
    );
    expect(puts).toBe("1\n");
  });
});
