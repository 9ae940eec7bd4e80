/** Canaries in everything that is secret or private, through every way a delivery can go; then everything is searched. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { Ajv } from "ajv";
import { Redis } from "ioredis";
import Keyv from "keyv";
import { memoryOutbox, type Logger, WebhookManager } from "mova-webhooks";
import { definePlugin } from "mova-webhooks/plugin";
import { cache, config, error, llm, redis, validation } from "mova-webhooks/plugins";
import OpenAI from "openai";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";
import { type FakeEndpoint, fakeEndpoint } from "../../src/testing/fake-endpoint.ts";
import { startLlmServer } from "../../src/testing/llm-server.ts";
import { hostileServer } from "./hostile-servers.ts";
import { until } from "../support/pipeline.ts";
import { sqliteLoads } from "../support/native-sqlite.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "canary:sung": unknown;
  }
}

const marked = (what: string): string => `canary-${what}-7f3d9a`;
const inBase64 = (text: string): string => Buffer.from(text).toString("base64");

/** What the endpoints' settings hold. */
const settings = {
  secret: marked("secret"),
  whsec: inBase64(marked("whsec-secret-of-many-bytes")),
  expiring: marked("expiring-secret"),
  bearer: marked("bearer"),
  basic: inBase64(`user:${marked("password")}`),
  apiKey: marked("api-key"),
  path: marked("path"),
  query: marked("query"),
  userinfo: marked("userinfo"),
  brokenUrl: marked("broken-url"),
  brokenHeader: marked("broken-header"),
  blockedPath: marked("blocked-path"),
};

/** What passes through the components. */
const content = {
  prompt: marked("prompt"),
  toolArgument: marked("tool-argument"),
  completion: marked("completion"),
  llmError: marked("llm-error"),
  llmKey: marked("llm-key"),
  document: marked("document"),
  cached: marked("cached"),
  setting: marked("setting"),
  redisPassword: marked("redis-password"),
};

/** What strangers' errors say. */
const errors = {
  translate: marked("translate-error"),
  attach: marked("attach-error"),
  recognise: marked("recognise-error"),
  filter: marked("filter-error"),
  handler: marked("handler-error"),
  rejection: marked("handler-rejection"),
  json: marked("json-error"),
  claim: marked("claim-error"),
};

const everything = { ...settings, ...content, ...errors };

/** Names the canaries that sing in a text or in bytes, plain or in a common encoding. */
function singing(
  haystack: string | Buffer,
  canaries: Readonly<Record<string, string>> = everything,
): string[] {
  const text = typeof haystack === "string" ? haystack : haystack.toString("latin1");
  return Object.entries(canaries)
    .filter(([, canary]) => {
      const hex = Buffer.from(canary).toString("hex");
      // Without what depends on what stands before and behind.
      const base64 = inBase64(canary).slice(0, -4);
      return [canary, encodeURIComponent(canary), base64, hex].some((form) => text.includes(form));
    })
    .map(([name]) => name);
}

const shown = (value: unknown): string =>
  `${inspect(value, { depth: 10, showHidden: true, getters: true })} ${JSON.stringify(value) ?? ""} ${String(value)}`;

/** An error as the most talkative of reporters would print it. */
function told(thrown: unknown): string {
  if (!(thrown instanceof Error)) return shown(thrown);
  return [shown(thrown), thrown.message, thrown.stack, thrown.cause && told(thrown.cause)].join("\n");
}

const log: string[] = [];
const jsonLog = pino(
  { level: "trace" },
  new Writable({
    write(line, _, done) {
      log.push(String(line));
      done();
    },
  }),
);
function write(level: "debug" | "info" | "warn" | "error"): Logger["debug"] {
  return (fields, message) => {
    log.push(shown(fields), ...("err" in fields ? [told(fields.err)] : []));
    jsonLog[level](fields, message);
  };
}
const logger: Logger = {
  debug: write("debug"),
  info: write("info"),
  warn: write("warn"),
  error: write("error"),
};

const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

const singer = definePlugin({
  contract: 1,
  name: "canary",
  events: { "canary.sung": { summary: "A canary sang.", example: {} } },
  translate: {
    "canary:sung": (happened) => {
      if (happened === "fail") throw new TypeError(errors.translate);
      // Its data cannot be written, and say why.
      return {
        type: "canary.sung",
        data: {
          toJSON: () => {
            throw new RangeError(errors.json);
          },
        },
      };
    },
  },
  instrument: {
    objects: [
      {
        library: "canary",
        recognises: () => {
          throw new Error(errors.recognise);
        },
        attach: (component) => component,
      },
    ],
    attach: () => {
      throw new Error(errors.attach);
    },
  },
});

/** Fails to hand out work once. */
function stumbling(outbox: Outbox): Outbox {
  let stumbled = false;
  return new Proxy(outbox, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "claim" || stumbled) return value.bind(target);
      return async () => {
        stumbled = true;
        throw Object.assign(new Error(errors.claim), { command: { args: [errors.claim] } });
      };
    },
  });
}

const outboxes: readonly [string, (folder: string) => Outbox][] = [
  ["memory", () => memoryOutbox()],
  ["sqlite", (folder) => sqliteOutbox({ path: join(folder, "outbox.db") })],
];
const usable = outboxes.filter(([name]) => name !== "sqlite" || sqliteLoads);

describe.each(usable)("with the %s outbox, what is secret or private", (_, openOutbox) => {
  const folder = temporaryFolder();
  const thrown: unknown[] = [];
  const answers: unknown[] = [];
  const pages: string[] = [];
  const endpoints: FakeEndpoint[] = [];
  const closing: (() => Promise<unknown>)[] = [];
  let manager: WebhookManager;

  const headers = {
    Authorization: `Bearer ${settings.bearer}`,
    "X-Basic": `Basic ${settings.basic}`,
    "X-Api-Key": settings.apiKey,
  };
  const secret = [
    `whsec_${settings.whsec}`,
    settings.secret,
    { secret: settings.expiring, expiresAt: new Date(Date.now() + 3_600_000) },
  ];
  const hidden = `services/${settings.path}/hook?token=${settings.query}`;

  async function endpoint(answer: Parameters<typeof fakeEndpoint>[0]): Promise<string> {
    const server = await fakeEndpoint(answer);
    endpoints.push(server);
    return new URL(hidden, server.url).href;
  }

  /** Shows all of the request that it got, as debug pages do: once well within what is stored, once across its end. */
  const echoing: Parameters<typeof fakeEndpoint>[0] = (request, response, count) =>
    response
      .writeHead(count % 2 === 0 ? 502 : 503)
      .end(
        `${"-".repeat(count % 2 === 0 ? 1200 : 1940)} Cannot POST ${request.path}\n${request.rawHeaders.join("\n")}\n${decodeURIComponent(request.path)}`,
      );

  function attempt(run: () => unknown): void {
    try {
      run();
    } catch (reason) {
      thrown.push(reason);
    }
  }

  beforeAll(async () => {
    log.length = 0;
    exporter.reset();
    const silent = await hostileServer((socket) => void socket.resume(), { times: 99 });
    const secured = await hostileServer(() => undefined, { times: 99, certificate: "self-signed" });
    const model = await startLlmServer({ reply: content.completion, errorMessage: content.llmError });
    closing.push(
      () => silent.close(),
      () => secured.close(),
      () => model.close(),
    );
    const common = { secret, headers, retrySchedule: [0.01], circuitBreaker: false } as const;
    manager = new WebhookManager({
      config: false,
      logger,
      tracerProvider,
      outbox: stumbling(openOutbox(folder)),
      network: {
        allow: ["127.0.0.0/8"],
        lookup: ((_host: string, _options: object, answer: (...all: unknown[]) => void) =>
          answer(null, [{ address: "10.1.2.3", family: 4 }])) as never,
      },
      plugins: [validation(), cache(), redis(), llm(), error(), config(), singer],
      endpoints: [
        { ...common, id: "good", url: await endpoint(204) },
        {
          ...common,
          id: "recovers",
          url: await endpoint((r, s, n) => void (n === 1 ? echoing(r, s, n) : s.end())),
        },
        { ...common, id: "dead", url: await endpoint(echoing) },
        { ...common, id: "gone", url: await endpoint(410), eventTypes: ["error.occurred"] },
        {
          ...common,
          id: "redirects",
          url: await endpoint((_r, s) => s.writeHead(302, { Location: `/${hidden}` }).end()),
        },
        { ...common, id: "blocked", url: `https://inside.example/${hidden}` },
        { ...common, id: "refused", url: `http://127.0.0.1:1/${hidden}` },
        { ...common, id: "silent", url: `http://127.0.0.1:${silent.port}/${hidden}`, timeout: 0.1 },
        { ...common, id: "self-signed", url: `https://127.0.0.1:${secured.port}/${hidden}` },
        {
          ...common,
          url: `https://unnamed.example/${hidden}`,
          filter() {
            throw new Error(errors.filter);
          },
        },
      ],
    });
    manager.addEventHandler("*", () => {
      throw new Error(errors.handler);
    });
    manager.addEventHandler("*", async () => {
      throw new Error(errors.rejection);
    });
    for (const wrong of [
      { url: `not a url ${settings.brokenUrl}` },
      { url: `ftp://files.example/${settings.brokenUrl}` },
      { url: `https://user:${settings.userinfo}@ops.example/` },
      { url: `https://ops.example/${hidden}`, headers: { "X-Token": `${settings.brokenHeader}\r\nX: y` } },
      { url: `https://ops.example/${hidden}`, headers: { Host: settings.brokenHeader } },
      { url: `https://ops.example/${hidden}`, secret: [{ secret: settings.expiring, expiresAt: "soon" }] },
      { url: `https://ops.example/${hidden}`, secret: `whsec_${settings.secret}` },
      { url: `https://ops.example/${hidden}`, secret: `whsk_${settings.secret}` },
      { url: `https://ops.example/${hidden}`, timeout: -1 },
      { url: `https://ops.example/${hidden}`, eventTypes: ["no pattern"] },
      { url: `http://10.0.0.1/${settings.blockedPath}` },
      { url: `https://169.254.169.254/${settings.blockedPath}` },
      { url: manager.getEndpoints().at(-1)?.url ?? "" },
    ]) {
      attempt(() => manager.addEndpoint({ secret, headers, ...wrong }));
    }
    await manager.start();
    await useComponents(model.url);
    manager.bus.publish("canary:sung", "fail");
    manager.bus.publish("canary:sung", "well");
    attempt(() => manager.instrument({ token: content.setting }));
    for (const data of [
      { text: content.document, n: 1n },
      { list: [content.document, "x".repeat(2_000_000)] },
    ]) {
      await manager.triggerEvent("cache.updated", data).catch((reason: unknown) => thrown.push(reason));
    }
    const { id } = await manager.triggerEvent("error.occurred", { error_type: "TypeError" });
    await until(async () => {
      const { deliveries } = await manager.find({ limit: 1000 });
      return deliveries.every(({ state }) => state === "delivered" || state === "dead");
    });
    await manager.replay({ endpointId: "good", state: "delivered" });
    await manager.drain(5000);

    const { deliveries } = await manager.find({ limit: 1000 });
    answers.push(deliveries, await manager.explain(id), manager.getEndpoints());
    for (const delivery of deliveries)
      answers.push(await manager.get(delivery.id), await manager.explain(delivery.eventId));
    const server = await manager.listen({ port: 0 });
    for (const path of [
      "/metrics",
      "/healthz",
      "/readyz",
      "/",
      "/api/endpoints",
      "/api/deliveries",
      `/api/events/${id}`,
    ]) {
      for (const accept of ["*/*", "application/openmetrics-text"]) {
        const response = await fetch(new URL(path, server.url), { headers: { accept } });
        pages.push(JSON.stringify([...response.headers]), await response.text());
      }
    }
    await server.close();
  });

  afterAll(async () => {
    await manager.close();
    for (const close of [...closing, ...endpoints.map((each) => () => each.close())]) await close();
  });

  async function useComponents(modelUrl: string): Promise<void> {
    const ajv = manager.instrument(new Ajv({ allErrors: true }));
    const validate = ajv.compile({
      type: "object",
      properties: { name: { const: "x" } },
      additionalProperties: false,
    });
    validate({ name: "x" });
    validate({ name: content.document, [content.document]: content.document });
    const schema = manager.instrument(z.object({ name: z.enum(["x"]) }));
    schema.safeParse({ name: content.document });
    const quoting = z.string().superRefine((text, refinement) => refinement.addIssue(`not this: ${text}`));
    manager.instrument(quoting).safeParse(content.document);

    const keyv = manager.instrument(new Keyv());
    await keyv.set("user_1", { name: content.cached });
    await keyv.delete("user_1");

    const client = manager.instrument(
      new OpenAI({ apiKey: content.llmKey, baseURL: `${modelUrl}/v1`, maxRetries: 0 }),
    );
    const toolCall = { name: "look_up", arguments: JSON.stringify({ key: content.toolArgument }) };
    const ask = (model: string): Promise<unknown> =>
      client.chat.completions.create({
        model,
        messages: [
          { role: "user", content: content.prompt },
          { role: "assistant", tool_calls: [{ id: "1", type: "function", function: toolCall }] },
          { role: "tool", tool_call_id: "1", content: content.toolArgument },
        ],
      });
    await ask("gpt-5");
    const broken = manager.instrument(
      new OpenAI({ apiKey: content.llmKey, baseURL: `${modelUrl}/nowhere`, maxRetries: 0 }),
    );
    await broken.models.list().catch(() => undefined);
    await broken.chat.completions
      .create({ model: "gpt-5", messages: [{ role: "user", content: content.prompt }], stream: true })
      .then(async (stream) => {
        for await (const _ of stream);
      })
      .catch(() => undefined);

    const settingsOfProgram = manager.instrument({
      set: (_key: string, _value: string) => true,
      update: () => true,
    });
    settingsOfProgram.set("llm.api_key", content.setting);

    const connection = new Redis({
      password: content.redisPassword,
      lazyConnect: true,
      retryStrategy: () => null,
    });
    manager.instrument(connection);
    connection.on("error", () => undefined);
    await connection.connect().catch(() => undefined);
    connection.disconnect();
  }

  it("went every way it can go", async () => {
    const outcomes = new Set(
      (await manager.find({ limit: 1000 })).deliveries.flatMap(({ attempts }) =>
        attempts.map(({ outcome }) => outcome),
      ),
    );
    expect([...outcomes].sort()).toEqual(
      ["blocked", "connect", "http_3xx", "http_410", "http_5xx", "success", "timeout", "tls"].sort(),
    );
    const types = new Set(
      (await manager.find({ endpointId: "good", limit: 1000 })).deliveries.map(({ eventType }) => eventType),
    );
    for (const type of [
      "validation.failed",
      "cache.updated",
      "llm.request.completed",
      "config.updated",
      "error.occurred",
    ]) {
      expect([...types]).toContain(type);
    }
    expect(thrown.length).toBeGreaterThanOrEqual(15);
    const written = log.join("\n");
    for (const line of [
      "delivery.attempted",
      "delivery.dead",
      "plugin.failed",
      "event handler failed",
      "claim failed",
    ]) {
      expect(written).toContain(line);
    }
    expect(exporter.getFinishedSpans().length).toBeGreaterThan(20);
  });

  it("reached the receivers where it belongs, so that the search can find it", async () => {
    const [good] = endpoints;
    const request = good?.requests[0];
    expect(singing(`${request?.path} ${request?.rawHeaders.join(" ")}`).sort()).toEqual(
      ["apiKey", "basic", "bearer", "path", "query"].sort(),
    );
    expect(request?.headers["webhook-signature"]?.toString().split(" ")).toHaveLength(3);
  });

  it("is in no body that was sent", () => {
    const bodies = endpoints.flatMap(({ requests }) => requests.map(({ body }) => body.toString()));
    expect(bodies.length).toBeGreaterThan(20);
    expect(singing(bodies.join("\n"))).toEqual([]);
  });

  it("is in no log line", () => {
    expect(singing(log.join("\n"))).toEqual([]);
  });

  it("is in no span", () => {
    const spans = exporter
      .getFinishedSpans()
      .map(({ name, attributes, events, links, status, resource }) =>
        shown({ name, attributes, events, links, status, resource: resource.attributes }),
      );
    expect(singing(spans.join("\n"))).toEqual([]);
  });

  it("is in no metric and no answer of the server", async () => {
    expect(pages.join("\n")).toContain("mova_webhook_attempts_total");
    expect(singing([await manager.registry.metrics(), ...pages].join("\n"))).toEqual([]);
  });

  it("is in no printed form of the manager", () => {
    expect(singing(shown(manager) + shown(manager.bus))).toEqual([]);
  });

  it("is in no error", () => {
    for (const reason of thrown)
      expect({ reason: String(reason), singing: singing(told(reason)) }).toMatchObject({ singing: [] });
  });

  it("is in no record, and the URL in none but the list of endpoints", () => {
    const [, , listed] = answers;
    expect(singing(shown(listed)).sort()).toEqual(["path", "query"]);
    for (const answer of answers.filter((each) => each !== listed))
      expect(singing(shown(answer))).toEqual([]);
    expect(shown(answers)).toContain("Cannot POST [secret]");
  });

  it("is in no file of the outbox", async () => {
    await manager.close();
    for (const name of readdirSync(folder)) expect(singing(readFileSync(join(folder, name)))).toEqual([]);
  });
});
