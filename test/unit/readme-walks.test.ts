/** The walks of README and docs, which take two terminals: both print what the page says. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ChildProject, childProject, type Ended, runProgram } from "../support/child-project.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { blocksOf, commands, root } from "../support/pages.ts";

const main = join(root, "dist/src/cli/main.js");
const [zeroCode, failing] = blocksOf("text");
/** Of ports, ids and durations, which differ from run to run, only that they are there. */
const varying = /(?<=127\.0\.0\.1:)\d+|(?<=evt_)\w+|(?<="duration_ms":)[\d.]+/g;

let project: ChildProject;
let terminal: ChildProcess | undefined;

beforeEach(async () => {
  project = childProject();
  project.write("hook-secret", (await run(["secret"])).stdout);
});
afterEach(() => {
  terminal?.kill("SIGKILL");
  project.remove();
});

function run(words: readonly string[]): Promise<Ended> {
  return runProgram(process.execPath, [main, ...words], { folder: project.folder });
}

/** The words after `mova-webhooks` of the pages' command that begins with these. */
function wordsOf(...first: readonly string[]): readonly string[] {
  const all = commands.filter(([program]) => program === "npx").map(([, , ...words]) => words);
  const found = all.find((words) => first.every((word, index) => words[index] === word));
  if (found === undefined) throw new Error(`the pages have no command ${first.join(" ")}`);
  return found;
}

/** Runs `listen` on a free port; the answered function stops it, and tells what it printed. */
async function listen(words: readonly string[]): Promise<[url: string, stop: () => Promise<string>]> {
  const child = spawn(process.execPath, [main, ...words, "--port", "0"], {
    cwd: project.folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  terminal = child;
  const printed = text(child.stdout);
  const [banner] = (await once(child.stderr, "data")) as [Buffer];
  const url = /http:\S+\//.exec(banner.toString())?.[0] ?? "";
  return [
    url,
    () => {
      child.kill("SIGTERM");
      return printed;
    },
  ];
}

it("zero code: the program prints what it always did, and the event arrives", async () => {
  const [url, stop] = await listen(wordsOf("listen", "--secret-file"));
  const [config = ""] = blocksOf("yaml", "mova.config.yaml");
  expect(config).toContain("http://127.0.0.1:9465/");
  project.write("mova.config.yaml", config.replace("http://127.0.0.1:9465/", url));
  project.write("app.mjs", blocksOf("js", "app.mjs")[0] ?? "");
  const env = sqliteLoads ? {} : { MOVA_WEBHOOK_OUTBOX: "memory" };
  const ended = await project.run("app.mjs", { env });
  expect(ended).toEqual({ code: 0, signal: null, stdout: "invalid\n", stderr: "" });
  expect((await stop()).replaceAll(varying, "…")).toBe(zeroCode?.replaceAll(varying, "…"));
});

it("command line: a receiver that fails twice gets the event in the end", async () => {
  const [url, stop] = await listen(wordsOf("listen", "--fail"));
  const send = wordsOf("send").map((word) => (word.startsWith("http:") ? url : word));
  const { code, stdout } = await run(send);
  expect(stdout).toMatch(/delivered +3/);
  expect(code).toBe(0);
  expect((await stop()).replaceAll(varying, "…")).toBe(failing?.replaceAll(varying, "…"));
}, 20_000);
