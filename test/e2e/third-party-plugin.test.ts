/** A plugin of a stranger: a package outside the repository that depends on the packed tarball of this one. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { type FakeEndpoint, fakeEndpoint, type ReceivedRequest } from "mova-webhooks/testing";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { installedPackages, type StrangerProject, strangerProject } from "../support/stranger-project.ts";
import { type Ended, root, runProgram, startProgram } from "../support/program.ts";

const secret = "a secret of more than sixteen bytes";

let project: StrangerProject;
let folder: string;
let endpoint: FakeEndpoint;

beforeAll(async () => {
  project = await strangerProject();
  folder = project.folder;
  project.link(...installedPackages());
  const plugin = join(folder, "node_modules/mova-queue-plugin");
  cpSync(join(root, "test/fixtures/queue-plugin"), plugin, { recursive: true });
  cpSync(join(root, "test/fixtures/queue-app"), folder, { recursive: true });
}, 60_000);

beforeEach(async () => {
  endpoint = await fakeEndpoint();
});
afterEach(() => endpoint.close());

function configure(plugins: string): void {
  const endpoints = `[{ id: ops, url: "${endpoint.url}", secret: ${secret} }]`;
  const network = "{ allow: [127.0.0.0/8] }";
  const config = `webhook:\n  endpoints: ${endpoints}\n  network: ${network}\n  plugins:\n    - ${plugins}\n`;
  project.write("mova.config.yaml", config);
}

/** Runs the program, beside which we are started, until `enough` answers yes for what the endpoint got. */
async function runApp(
  queue: string,
  enough: (types: readonly string[]) => boolean,
): Promise<Pick<Ended, "code" | "stderr">> {
  const app = startProgram(process.execPath, ["--import", "mova-webhooks/register", "app.mjs", queue], {
    folder,
    env: { MOVA_WEBHOOK_OUTBOX: "memory" },
    input: false,
  });
  const running = { now: true };
  void app.ended.then(() => (running.now = false));
  for (let count = 1; running.now && !enough(endpoint.requests.map(typeOf)); count += 1) {
    await Promise.race([endpoint.received(count).catch(() => app.child.kill()), app.ended]);
  }
  app.child.stdin.end();
  const { code, stderr } = await app.ended;
  return { code, stderr };
}

function typeOf({ headers }: ReceivedRequest): string {
  return String(headers["x-mova-event"]);
}

describe("the queue plugin of the README", () => {
  it("turns a job queue's events into webhooks, by its package name in the configuration alone", async () => {
    const queue = `mova-test-${process.pid}-${performance.now()}`;
    configure(`{ use: mova-queue-plugin, options: { queues: ["${queue}"] } }`);
    const both = ["queue.job.completed", "queue.job.failed"];
    const ended = await runApp(queue, (types) => both.every((type) => types.includes(type)));
    expect(ended).toEqual({ code: 0, stderr: "" });
    const bodies = endpoint.requests.map(({ body }) => JSON.parse(body.toString()) as object);
    const job_id = expect.stringMatching(/^\d+$/) as string;
    expect(bodies).toContainEqual(expect.objectContaining({ event_type: both[0], data: { queue, job_id } }));
    const data = { queue, job_id, reason: "told to fail" };
    expect(bodies).toContainEqual(expect.objectContaining({ event_type: both[1], data }));
    expect(JSON.stringify(bodies)).not.toContain("content");
  });

  it("is sampled, limited and redacted by the configuration, as every plugin", async () => {
    const queue = `mova-test-${process.pid}-${performance.now()}`;
    configure(
      `{ use: mova-queue-plugin, redact: [reason], volume: { coalesce: { window_seconds: 0.3, key: queue } } }`,
    );
    const ended = await runApp(queue, (types) => types.includes("queue.job.failed"));
    expect(ended).toEqual({ code: 0, stderr: "" });
    const failed = endpoint.requests.find((request) => typeOf(request) === "queue.job.failed");
    expect(JSON.parse(failed?.body.toString() ?? "")).toMatchObject({
      data: { queue, reason: "[redacted]", count: expect.any(Number) },
    });
  });

  it("passes the published suite in its own tests, under another runner", async () => {
    const plugin = join(folder, "node_modules/mova-queue-plugin");
    const words = ["--test", "--test-reporter=tap"];
    const { stdout } = await runProgram(process.execPath, words, { folder: plugin });
    expect(stdout).toMatch(/^# pass 1[0-9]$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  });

  it("is refused with the names of the options that do not fit", async () => {
    configure(`{ use: mova-queue-plugin, options: { queues: [], queus: [mail] } }`);
    const { code, stderr } = await runApp("none", () => true);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /options of plugin `queue`: unknown key `queus`; did you mean `queues`[^]*without webhooks/,
    );
  });
});
