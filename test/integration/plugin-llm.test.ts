/** The LLM plugin under the real clients of OpenAI and Anthropic, against a server on loopback. */
import { setImmediate as turn } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";
import type { PluginHost, Topic } from "mova-webhooks/plugin";
import { llm, type LlmOptions } from "mova-webhooks/plugins/llm";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type LlmServer, startLlmServer } from "../../src/testing/llm-server.ts";

/** Stands in every prompt, answer and error message; no event may hold it. */
const canary = "canary-4711";

let server: LlmServer;
beforeEach(async () => {
  server = await startLlmServer({ reply: `one two ${canary} four`, errorMessage: canary });
});
afterEach(() => server.close());

interface Seen {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Instruments as the manager would, and translates what is published. */
function watching(options: LlmOptions = {}, wants: (topic: Topic) => boolean = () => true) {
  const events: Seen[] = [];
  const warnings: object[] = [];
  let clock = 0;
  const plugin = llm({ now: () => (clock += 5), ...options });
  const host: PluginHost = {
    wants,
    publish(topic, happened) {
      const translate = plugin.translate[topic] as (happened: unknown) => Seen;
      events.push(structuredClone(translate(happened)));
    },
    log: { debug() {}, info() {}, warn: (fields) => void warnings.push(fields), error() {} },
  };
  function instrument<Component extends object>(component: Component): Component {
    const found = plugin.instrument?.objects?.find((candidate) => candidate.recognises(component));
    if (found === undefined) throw new Error("no instrumentation recognises this component");
    return found.attach(component, host) as Component;
  }
  return { events, warnings, host, plugin, instrument, types: () => events.map((event) => event.type) };
}

function openai(options: ConstructorParameters<typeof OpenAI>[0] = {}): OpenAI {
  return new OpenAI({ apiKey: "sk-test", baseURL: `${server.url}/v1`, ...options });
}

function anthropic(options: ConstructorParameters<typeof Anthropic>[0] = {}): Anthropic {
  return new Anthropic({ apiKey: "sk-test", baseURL: server.url, ...options });
}

const chatBody = { model: "gpt-5", messages: [{ role: "user", content: canary }] } satisfies object;
const chat = { ...chatBody, messages: [{ role: "user" as const, content: canary }] };
const prompt = { model: "gpt-5", input: canary, instructions: canary };
const message = {
  model: "claude-test",
  max_tokens: 64,
  system: canary,
  messages: [{ role: "user" as const, content: canary }],
};

const started = "llm.request.started";
const completed = "llm.request.completed";
const failed = "llm.request.failed";

/** The rejections nobody handled while `step` ran, with the test runner's own listeners set aside. */
async function unhandledDuring(step: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners("unhandledRejection");
  const reasons: unknown[] = [];
  const collect = (reason: unknown): void => void reasons.push(reason);
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", collect);
  try {
    await step();
    for (let round = 0; round < 5; round += 1) await turn();
  } finally {
    process.off("unhandledRejection", collect);
    for (const other of others) process.on("unhandledRejection", other);
  }
  return reasons;
}

const libraries = [
  {
    title: "OpenAI chat completions",
    provider: "openai",
    operation: "chat",
    model: "gpt-5",
    id: "chatcmpl-1",
    finish: "stop",
    client: (maxRetries: number) => openai({ maxRetries }),
    plain: (client: OpenAI | Anthropic) => (client as OpenAI).chat.completions.create(chat),
    streaming: (client: OpenAI | Anthropic) =>
      (client as OpenAI).chat.completions.create({ ...chat, stream: true, stream_options: { include_usage: true } }),
  },
  {
    title: "OpenAI responses",
    provider: "openai",
    operation: "responses",
    model: "gpt-5",
    id: "resp_1",
    finish: "completed",
    client: (maxRetries: number) => openai({ maxRetries }),
    plain: (client: OpenAI | Anthropic) => (client as OpenAI).responses.create(prompt),
    streaming: (client: OpenAI | Anthropic) => (client as OpenAI).responses.create({ ...prompt, stream: true }),
  },
  {
    title: "Anthropic messages",
    provider: "anthropic",
    operation: "messages",
    model: "claude-test",
    id: "msg_1",
    finish: "end_turn",
    client: (maxRetries: number) => anthropic({ maxRetries }),
    plain: (client: OpenAI | Anthropic) => (client as Anthropic).messages.create(message),
    streaming: (client: OpenAI | Anthropic) => (client as Anthropic).messages.create({ ...message, stream: true }),
  },
] as const;

describe.each(libraries)("$title", ({ provider, operation, model, id, finish, client: make, plain, streaming }) => {
  const asked = { provider, operation, model };
  const answered = {
    duration_ms: 5,
    response_id: id,
    request_id: "req_1",
    finish_reason: finish,
    input_tokens: 12,
    output_tokens: 7,
    total_tokens: 19,
  };

  test("a call that is awaited says that it started and what it cost", async () => {
    const { instrument, events } = watching();
    const answer = await plain(instrument(make(0)));
    expect(JSON.stringify(answer)).toContain(canary);
    expect(events).toEqual([
      { type: started, data: { ...asked, stream: false } },
      { type: completed, data: { ...asked, stream: false, ...answered } },
    ]);
  });

  test("a stream says that it completed once its last piece is read, and hands every piece on", async () => {
    const { instrument, events, types } = watching();
    const client = make(0);
    const expected = await Array.fromAsyncLike(await streaming(client));
    const stream = await streaming(instrument(client));
    expect(types()).toEqual([started]);
    const pieces = await Array.fromAsyncLike(stream);
    expect(pieces.length).toBe(expected.length);
    expect(events).toEqual([
      { type: started, data: { ...asked, stream: true } },
      {
        type: completed,
        data: { ...asked, stream: true, ...answered, response_id: id.replace("1", "2"), request_id: "req_2" },
      },
    ]);
  });
});
