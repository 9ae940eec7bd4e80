/** OpenTelemetry in programs that are started with `--import mova-webhooks/register`: our SDK, or the program's own. */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it } from "vitest";
import { type ChildProject, childProject, webhookEnvironment } from "../support/child-project.ts";
import { listening } from "../support/listening.ts";
import { testEndpoint } from "../support/pipeline.ts";
import type { FakeEndpoint } from "mova-webhooks/testing";

let receiver: FakeEndpoint;
let project: ChildProject;
let exported: Exported[];
/** Where the collector was called. */
let paths: Set<string | undefined>;
let env: Record<string, string>;

interface Exported {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

interface ExportRequest {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: Exported[] }[] }[];
}

beforeEach(async () => {
  receiver = await testEndpoint();
  project = childProject();
  exported = [];
  paths = new Set();
  const collector = createServer((request, response) => {
    paths.add(request.url);
    void text(request).then((body) => {
      const { resourceSpans = [] } = JSON.parse(body) as ExportRequest;
      exported.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)));
      response.end("{}");
    });
  });
  env = {
    ...webhookEnvironment(receiver.url),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await listening(collector)}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_NODE_RESOURCE_DETECTORS: "none",
  };
});

/** What the programs below and we trace. */
const all = [
  "POST",
  "POST",
  "deliver validation.failed",
  "deliver validation.started",
  "inner",
  "publish validation.failed",
  "publish validation.started",
  "work",
];
const namesOf = (spans: readonly Exported[]): string[] => spans.map(({ name }) => name).sort();

/** Registers an SDK that says at the end what it was given, and complains aloud. */
const own = {
  provider: `
    diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
    new NodeTracerProvider({ spanProcessors: [collected] }).register();`,
  sdk: `new NodeSDK({ spanProcessors: [collected], metricReaders: [] }).start();`,
};
const collected = `const names = [];
  const collected = { onStart() {}, onEnd: ({ name }) => names.push(name), forceFlush: async () => {}, shutdown: async () => {} };
  process.on("exit", () => console.log(JSON.stringify(names.sort())));`;
const imports = `import { diag, DiagConsoleLogger, DiagLogLevel } from "@opentelemetry/api";
  import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
  import { NodeSDK } from "@opentelemetry/sdk-node";`;
const work = `
  tracer.startActiveSpan("work", async (span) => {
    await new Promise(setImmediate);
    trace.getTracer("later").startSpan("inner").end();
    new Ajv().compile({ type: "string" })(1);
    span.end();
  });`;

const asCommonJs = (text: string): string =>
  text.replaceAll(/import (.*?) from (".*?");/g, "const $1 = require($2);");

describe("a program that registers an SDK of its own", () => {
  const program = (which: keyof typeof own): string => `${imports}
    import { trace } from "@opentelemetry/api";
    import { Ajv } from "ajv";
    const tracer = trace.getTracer("earlier");
    ${collected} ${own[which]} ${work}`;

  it.each([
    ["a provider", "mjs", program("provider")],
    ["a provider", "cjs", asCommonJs(program("provider"))],
    ["a NodeSDK", "mjs", program("sdk")],
    ["a NodeSDK", "cjs", asCommonJs(program("sdk"))],
  ])("%s in its main module keeps it, with its own spans and ours (.%s)", async (_, form, text) => {
    project.write(`app.${form}`, text);
    const ended = await project.run(`app.${form}`, { env: { ...env, OTEL_LOG_LEVEL: "warn" } });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual(all);
    expect(exported).toEqual([]);
  });

  it.each(["before", "after"])("in a module imported %s ours keeps it", async (order) => {
    project.write(
      "own.mjs",
      `${imports} ${collected} ${own.sdk}
      import { register } from "node:module";
      register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);`,
    );
    project.write(
      "app.mjs",
      `import { trace } from "@opentelemetry/api"; import { Ajv } from "ajv";
      const tracer = trace.getTracer("app"); ${work}`,
    );
    const both = ["./own.mjs", "mova-webhooks/register"];
    const { stdout, ...ended } = await project.run("app.mjs", {
      env,
      watched: false,
      before: order === "before" ? both : both.toReversed(),
    });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(all);
    expect(exported).toEqual([]);
  });

  it("is refused a second one, as without us", async () => {
    project.write("app.mjs", `${imports} ${collected} ${own.provider} ${own.provider}`);
    const [alone, watched] = [
      await project.run("app.mjs", { env, watched: false }),
      await project.run("app.mjs", { env }),
    ];
    const complaints = (stderr: string): string[] =>
      stderr.match(/^.*(duplicate|overwrit).*?(?= from|$)/gm) ?? [];
    expect(complaints(watched.stderr)).toEqual(complaints(alone.stderr));
    expect(complaints(alone.stderr)).toHaveLength(5);
  });

  it("keeps its context manager, its propagator and its logger provider too", async () => {
    project.write(
      "app.mjs",
      `import { context, propagation } from "@opentelemetry/api";
      import { logs } from "@opentelemetry/api-logs";
      import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
      class Own extends AsyncLocalStorageContextManager { active() { return "own"; } }
      const provider = { getLogger: () => "own" };
      console.log(context.setGlobalContextManager(new Own()), context.active());
      console.log(propagation.setGlobalPropagator({ fields: () => ["own"] }), propagation.fields());
      console.log(logs.setGlobalLoggerProvider(provider) === provider, logs.getLogger("x"));`,
    );
    const ended = await project.run("app.mjs", { env });
    expect(ended).toMatchObject({ stdout: "true own\ntrue [ 'own' ]\ntrue own\n", stderr: "" });
  });
});

const nameProvider = `import { trace } from "@opentelemetry/api";
  console.log(trace.getTracerProvider().getDelegate().constructor.name);`;

describe("a program that registers none", () => {
  const program = `import { trace } from "@opentelemetry/api";
    import { Ajv } from "ajv";
    const tracer = trace.getTracer("app"); ${work}`;

  it.each(["mjs", "cjs"])("has its own spans and ours exported before its end (.%s)", async (form) => {
    project.write(`app.${form}`, form === "cjs" ? asCommonJs(program) : program);
    const ended = await project.run(`app.${form}`, { env });
    expect(ended).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(namesOf(exported)).toEqual(all);
    expect([...paths]).toEqual(["/v1/traces"]);
    const outer = exported.find(({ name }) => name === "work");
    const inside = exported.filter(({ parentSpanId }) => parentSpanId === outer?.spanId);
    expect(namesOf(inside)).toEqual(["inner", "publish validation.failed", "publish validation.started"]);
    expect(receiver.requests[0]?.headers["traceparent"]).toMatch(/^00-/);
  });

  it("is not given one in place of a provider of any other make", async () => {
    project.write(
      "own.mjs",
      `import { trace } from "@opentelemetry/api"; trace.setGlobalTracerProvider(new (class Own { getTracer() {} })());`,
    );
    project.write("app.mjs", nameProvider);
    const ended = await project.run("app.mjs", { env, before: ["./own.mjs"] });
    expect(ended).toMatchObject({ stdout: "Own\n", stderr: "" });
  });

  it("is left without one where no standard variable asks for it", async () => {
    project.write("app.mjs", nameProvider);
    const watched = await project.run("app.mjs", { env: webhookEnvironment(receiver.url) });
    expect(watched).toMatchObject({ code: 0, stdout: "NoopTracerProvider\n", stderr: "" });
  });
});

describe("the span plugin named in the configuration", () => {
  const failing = `${imports} import { trace } from "@opentelemetry/api";
    const tracer = trace.getTracer("app"); ${collected} ${own.provider}
    tracer.startSpan("charge").setStatus({ code: 2 }).end();`;

  it.each([
    ["before the program's SDK is there", {}],
    ["in place of which the program's SDK comes", { OTEL_TRACES_EXPORTER: "otlp" }],
  ])("sees spans where it was attached %s", async (_, asked) => {
    project.write("mova.config.yaml", "webhook:\n  plugins: [span]\n");
    project.write("app.mjs", failing);
    const ended = await project.run("app.mjs", { env: { ...webhookEnvironment(receiver.url), ...asked } });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const events = receiver.requests.map(({ body }) => JSON.parse(body.toString()) as object);
    expect(events).toMatchObject([{ event_type: "span.failed", data: { name: "charge" } }]);
  });
});
