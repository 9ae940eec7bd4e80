/** Programs that run their own NodeSDK and add our instrumentations to it. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebhookManager } from "mova-webhooks";
import { cache } from "mova-webhooks/plugins";
import type { FakeEndpoint } from "mova-webhooks/testing";
import { beforeEach, expect, it } from "vitest";
import { MovaInstrumentation } from "../../src/instrumentation/instrumentation.ts";
import { type ChildProject, childProject, webhookEnvironment } from "../support/child-project.ts";
import { testEndpoint } from "../support/pipeline.ts";

const built = fileURLToPath(new URL("../../dist/src/instrumentation/instrumentation.js", import.meta.url));

let receiver: FakeEndpoint;
let project: ChildProject;

beforeEach(async () => {
  receiver = await testEndpoint();
  project = childProject();
});

it("watches the libraries of the plugins given, each with its events inside the program's own trace", async () => {
  project.write(
    "otel.mjs",
    `import { register } from "node:module";
    import { NodeSDK, tracing } from "@opentelemetry/sdk-node";
    import { getWebhookManager } from "mova-webhooks";
    import { cache, validation } from "mova-webhooks/plugins";
    import { MovaInstrumentation } from ${JSON.stringify(built)};
    register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);
    const sdk = new NodeSDK({
      spanProcessors: [new tracing.SimpleSpanProcessor(new tracing.InMemorySpanExporter())],
      instrumentations: [new MovaInstrumentation({ plugin: cache() }), new MovaInstrumentation({ plugin: validation() })],
    });
    sdk.start();
    await getWebhookManager().start();`,
  );
  project.write(
    "app.mjs",
    `import { trace } from "@opentelemetry/api";
    import { Ajv } from "ajv";
    import Keyv from "keyv";
    import { getWebhookManager } from "mova-webhooks";
    await trace.getTracer("app").startActiveSpan("work", async (span) => {
      console.log(span.spanContext().traceId);
      new Ajv().compile({ type: "string" })(1);
      await new Keyv().set("a", 1);
      span.end();
    });
    await getWebhookManager().close();`,
  );
  const env = webhookEnvironment(receiver.url);
  const { code, stdout, stderr } = await project.run("app.mjs", {
    watched: false,
    before: ["./otel.mjs"],
    env,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const got = receiver.requests.map(({ body, headers }) => {
    const { event_type } = JSON.parse(body.toString()) as { event_type: string };
    return `${event_type} ${String(headers["traceparent"]).split("-")[1]}`;
  });
  const traceId = stdout.trim();
  expect(got.sort()).toEqual([
    `cache.updated ${traceId}`,
    `validation.failed ${traceId}`,
    `validation.started ${traceId}`,
  ]);
});

it("is one instrumentation for all plugins of a manager, and adds a plugin the manager lacks once", () => {
  const manager = new WebhookManager({ config: false });
  const plugin = cache();
  for (const round of [1, 2]) {
    new MovaInstrumentation({ plugin, manager, enabled: false });
    expect([round, manager.uses("cache")]).toEqual([round, true]);
  }
  const all = new MovaInstrumentation({ manager, enabled: false });
  const modules = all
    .getConfig()
    .patches.map(({ module, file }) => (file === undefined ? module : join(module, file)));
  expect(modules).toEqual(["keyv", "cache-manager", "lru-cache"]);
});
