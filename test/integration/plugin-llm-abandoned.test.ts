/** Calls whose answers nobody reads end as abandoned: once they are out of reach, or at the end of the program. */
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import Anthropic from "@anthropic-ai/sdk";
import { llm } from "mova-webhooks/plugins/llm";
import { fakeEndpoint } from "mova-webhooks/testing";
import OpenAI from "openai";
import OpenAI6 from "openai6";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type CollectingHost, collectingHost } from "../../src/testing/collecting-host.ts";
import { type LlmServer, startLlmServer } from "../../src/testing/llm-server.ts";
import { childProject, webhookEnvironment } from "../support/child-project.ts";

let server: LlmServer;
beforeEach(async () => {
  server = await startLlmServer();
});
afterEach(() => server.close());

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const messages = [{ role: "user" as const, content: "hi" }];
const openai = (Client: typeof OpenAI) => () => {
  const host = collectingHost(llm());
  const client = host.instrument(new Client({ apiKey: "x", baseURL: `${server.url}/v1`, maxRetries: 0 }));
  return {
    host,
    plain: () => client.chat.completions.create({ model: "m", messages }),
    streaming: () => client.chat.completions.create({ model: "m", messages, stream: true }),
  };
};

const libraries = {
  "openai 7": openai(OpenAI),
  "openai 6": openai(OpenAI6 as unknown as typeof OpenAI),
  "@anthropic-ai/sdk": () => {
    const host = collectingHost(llm());
    const client = host.instrument(new Anthropic({ apiKey: "x", baseURL: server.url, maxRetries: 0 }));
    const asked = { model: "m", max_tokens: 9, messages };
    return {
      host,
      plain: () => client.messages.create(asked),
      streaming: () => client.messages.create({ ...asked, stream: true }),
    };
  },
};

const ended = [
  { type: "llm.request.started" },
  { type: "llm.request.completed", data: { finish_reason: "abandoned" } },
];

const waiting = { timeout: 10_000, interval: 5 };

async function afterCollecting(host: CollectingHost): Promise<CollectingHost["drafts"]> {
  collectGarbage();
  await turn();
  return host.drafts;
}

describe.each(Object.entries(libraries))("%s", (_, make) => {
  test("a call that nobody awaits is abandoned once it is answered", async () => {
    const { host, plain } = make();
    void plain();
    await vi.waitFor(() => expect(afterCollecting(host)).resolves.toMatchObject(ended), waiting);
  });

  test("a stream that nobody reads is abandoned", async () => {
    const { host, streaming } = make();
    await (async () => void (await streaming()))();
    await vi.waitFor(() => expect(afterCollecting(host)).resolves.toMatchObject(ended), waiting);
  });

  test("a stream that is left in its middle is abandoned", async () => {
    const { host, streaming } = make();
    await (async () => {
      const iterator = (await streaming())[Symbol.asyncIterator]();
      await iterator.next();
    })();
    await vi.waitFor(() => expect(afterCollecting(host)).resolves.toMatchObject(ended), waiting);
  });

  test("what is awaited or read is not, however often garbage is collected", async () => {
    const { host, plain, streaming } = make();
    server.next({ delayMs: 20 }, { delayMs: 5 }, {});
    const collecting = setInterval(collectGarbage, 1);
    await plain();
    for await (const _piece of await streaming()) collectGarbage();
    await (await plain().asResponse()).text();
    clearInterval(collecting);
    const reasons = host.drafts.map(({ data }) => Object(data).finish_reason as unknown);
    expect(reasons).toHaveLength(6);
    expect(reasons).not.toContain("abandoned");
  });
});

test("what is still open at the end of a program ends as abandoned", async () => {
  const receiver = await fakeEndpoint();
  const project = childProject();
  project.write(
    "app.mjs",
    `import OpenAI from "openai";
    const client = new OpenAI({ apiKey: "x", baseURL: process.env.LLM_URL, maxRetries: 0 });
    globalThis.kept = await client.chat.completions.create({ model: "m", messages: [], stream: true });`,
  );
  const env = { ...webhookEnvironment(receiver.url), LLM_URL: `${server.url}/v1` };
  expect(await project.run("app.mjs", { env })).toMatchObject({ code: 0, stderr: "" });
  const events = receiver.requests.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
  expect(events.map(({ event_type: type, data }) => ({ type, data }))).toMatchObject(ended);
  await receiver.close();
});
