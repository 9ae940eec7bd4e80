/** The walks of README and docs, which take two terminals: both print what the page says. */
import { beforeEach, expect, it } from "vitest";
import { type ChildProject, childProject } from "../support/child-project.ts";
import { cli, startListen } from "../support/cli.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { blocksOf, commands } from "../support/pages.ts";

const [zeroCode, failing] = blocksOf("text");
/** Of ports, ids and durations, which differ from run to run, only that they are there. */
const varying = /(?<=127\.0\.0\.1:)\d+|(?<=evt_)\w+|(?<="duration_ms":)[\d.]+/g;

let project: ChildProject;

beforeEach(async () => {
  project = childProject();
  project.write("hook-secret", (await cli(["secret"])).out);
});

/** The words after `mova-webhooks` of the pages' command that begins with these. */
function wordsOf(...first: readonly string[]): readonly string[] {
  const all = commands.filter(([program]) => program === "npx").map(([, , ...words]) => words);
  const found = all.find((words) => first.every((word, index) => words[index] === word));
  if (found === undefined) throw new Error(`the pages have no command ${first.join(" ")}`);
  return found;
}

it("zero code: the program prints what it always did, and the event arrives", async () => {
  const {
    url,
    child,
    ended: listened,
  } = await startListen(wordsOf("listen", "--secret-file").slice(1), project);
  const [config = ""] = blocksOf("yaml", "mova.config.yaml");
  expect(config).toContain("http://127.0.0.1:9465/");
  project.write("mova.config.yaml", config.replace("http://127.0.0.1:9465/", url));
  project.write("app.mjs", blocksOf("js", "app.mjs")[0] ?? "");
  const env = sqliteLoads ? {} : { MOVA_WEBHOOK_OUTBOX: "memory" };
  const ended = await project.run("app.mjs", { env });
  expect(ended).toEqual({ code: 0, signal: null, stdout: "invalid\n", stderr: "" });
  child.kill("SIGTERM");
  expect((await listened).stdout.replaceAll(varying, "…")).toBe(zeroCode?.replaceAll(varying, "…"));
});

it("command line: a receiver that fails twice gets the event in the end", async () => {
  const { url, child, ended } = await startListen(wordsOf("listen", "--fail").slice(1), project);
  const send = wordsOf("send").map((word) => (word.startsWith("http:") ? url : word));
  const { code, out } = await cli(send, project);
  expect(out).toMatch(/delivered +3/);
  expect(code).toBe(0);
  child.kill("SIGTERM");
  expect((await ended).stdout.replaceAll(varying, "…")).toBe(failing?.replaceAll(varying, "…"));
}, 20_000);
