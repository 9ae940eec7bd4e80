/** Programs in which other instrumentations are, with the copy of import-in-the-middle that ours uses. */
import { type FakeEndpoint, fakeEndpoint } from "mova-webhooks/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { childProject, nodeOf, webhookEnvironment } from "../support/child-project.ts";

let receiver: FakeEndpoint;
beforeEach(async () => {
  receiver = await fakeEndpoint();
});
afterEach(() => receiver.close());

/** Patches Ajv for ES modules, as an OpenTelemetry instrumentation does, and says so. */
const other = `import { createRequire } from "node:module";
  const require = createRequire(createRequire(import.meta.url).resolve("@opentelemetry/instrumentation"));
  const { Hook } = require("import-in-the-middle");
  new Hook(["ajv"], { internals: true }, () => void (globalThis.patched = true));`;

const loader = `import { register } from "node:module";
  register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);`;

const nodes = [process.execPath, nodeOf(22), nodeOf(24)].map(
  (path, index) => [20 + 2 * index, path] as const,
);

it.each(nodes.filter(([, path]) => path !== undefined))(
  "patches of others for ES modules run only where the program hooks modules for them (Node %s)",
  async (_, node) => {
    const project = childProject();
    project.write("other.mjs", other);
    project.write("late.mjs", other);
    project.write("loader.mjs", loader);
    project.write(
      "app.mjs",
      `import { Ajv } from "ajv"; import "./late.mjs";
      console.log(new Ajv().compile({ type: "string" })(1), globalThis.patched);`,
    );
    const env = { ...webhookEnvironment(receiver.url), MOVA_WEBHOOK_OUTBOX: "memory" };
    const options = { env, ...(node !== undefined && { node }) };
    for (const [before, patched] of [
      [["./other.mjs"], "undefined"],
      [["./loader.mjs", "./other.mjs"], "true"],
    ] as const) {
      const alone = await project.run("app.mjs", { ...options, before, watched: false });
      expect(alone).toMatchObject({ code: 0, stdout: `false ${patched}\n` });
      const seen = receiver.requests.length;
      expect(await project.run("app.mjs", { ...options, before })).toEqual(alone);
      expect(receiver.requests.length - seen).toBe(2);
    }
  },
);
