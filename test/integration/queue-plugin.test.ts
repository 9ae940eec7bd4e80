/** The plugin that the README shows, beside real workers of BullMQ. */
import { readFileSync } from "node:fs";
import { Queue, Worker } from "bullmq";
import { collectingHost, pluginSuite } from "mova-webhooks/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AnyPlugin } from "../../src/plugin/contract.ts";
import { childProject, webhookEnvironment } from "../support/child-project.ts";
// @ts-expect-error: an example in JavaScript, as the README prints it.
import queuePlugin from "../fixtures/queue-plugin/index.js";
import { testEndpoint } from "../support/pipeline.ts";

const plugin = queuePlugin as (options?: { readonly queues?: readonly string[] }) => AnyPlugin;
const connection = { host: "127.0.0.1", port: 6379 };
const name = `mova-test-plugin-${process.pid}`;
let queue: Queue;

beforeAll(() => {
  queue = new Queue(name, { connection });
});
beforeEach(() => queue.obliterate({ force: true }));
afterAll(async () => {
  await queue.obliterate({ force: true });
  await queue.close();
});

describe("the queue plugin", () => {
  it.each(pluginSuite)("$name", async ({ run }) => {
    await expect(Promise.resolve(run(plugin()))).resolves.toBeUndefined();
  });

  it("tells once of a worker's job that is done, and of one that is given up, not of one that is tried again", async () => {
    const host = collectingHost(plugin());
    const worker = new Worker(
      name,
      async ({ name: what }) => (what === "bad" ? Promise.reject(new Error("told to fail")) : undefined),
      { connection, autorun: false },
    );
    for (const _ of [1, 2]) host.instrument(worker);
    const bad = await queue.add("bad", {}, { attempts: 2 });
    const failed = new Promise((resolve) => worker.on("failed", (job) => job?.finishedOn && resolve(job)));
    void worker.run();
    await failed;
    const done = new Promise((resolve) => worker.on("completed", resolve));
    const good = await queue.add("good", {});
    await done;
    await worker.close();
    expect(host.drafts).toEqual([
      { type: "queue.job.failed", data: { queue: name, job_id: bad.id, reason: "told to fail" } },
      { type: "queue.job.completed", data: { queue: name, job_id: good.id } },
    ]);
  });

  it("refuses options that it does not know, also in code", () => {
    expect(() => plugin({ queue: ["mail"] } as object)).toThrow(/`queue`.*`queues`/);
    expect(() => plugin({ queues: "mail" } as object)).toThrow(/Expected `queues` .* a list of texts/);
  });

  it("leaves workers of queues alone that its options do not name", () => {
    const host = collectingHost(plugin({ queues: ["mail"] }));
    const worker = new Worker(name, undefined, { connection, autorun: false });
    host.instrument(worker);
    expect([worker.listenerCount("completed"), worker.listenerCount("failed")]).toEqual([0, 0]);
    return worker.close();
  });

  it.each(["mjs", "cjs"])(
    "tells of a program that knows nothing of it, which ends as it would alone (.%s)",
    async (form) => {
      const receiver = await testEndpoint();
      const project = childProject();
      const fixture = new URL("../fixtures/queue-plugin/index.js", import.meta.url);
      project.write("queue.mjs", readFileSync(fixture, "utf8"));
      project.write(
        "mova.config.yaml",
        `webhook:\n  plugins: [{ use: ./queue.mjs, options: { queues: [${name}] } }]\n`,
      );
      project.write(
        `app.${form}`,
        `${form === "mjs" ? 'import { Queue, Worker } from "bullmq";' : 'const { Queue, Worker } = require("bullmq");'}
      const connection = ${JSON.stringify(connection)};
      const queue = new Queue("${name}", { connection });
      const worker = new Worker("${name}", async () => {}, { connection });
      worker.on("completed", ({ name }) => Promise.all([worker.close(), queue.close()]).then(() => console.log(name)));
      queue.add("good", {});`,
      );
      const ended = await project.run(`app.${form}`, { env: webhookEnvironment(receiver.url) });
      expect(ended).toEqual({ code: 0, signal: null, stdout: "good\n", stderr: "" });
      const events = receiver.requests.map(({ body }) => JSON.parse(body.toString()) as object);
      expect(events).toMatchObject([{ event_type: "queue.job.completed", data: { queue: name } }]);
    },
  );
});
