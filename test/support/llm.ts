/** What the tests of the LLM plugin share: a server on loopback, the libraries' clients and calls, and a host that collects. */
import { setImmediate as turn } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";
import { type LlmOptions, llm } from "mova-webhooks/plugins/llm";
import OpenAI from "openai";
import { afterEach, beforeEach } from "vitest";
import { collectingHost } from "../../src/testing/collecting-host.ts";
import { type LlmServer, startLlmServer } from "../../src/testing/llm-server.ts";
import { until } from "./until.ts";

/** Stands in every prompt, answer and error message; no event may hold it. */
export const canary = "canary-4711";

export const started = "llm.request.started";
export const completed = "llm.request.completed";
export const failed = "llm.request.failed";

/** A fresh one for each test. */
export let server: LlmServer;
beforeEach(async () => {
  server = await startLlmServer({ reply: `one two ${canary} four`, errorMessage: canary });
});
afterEach(() => server.close());

/** A host whose clock advances 5 ms at every look. */
export function watching(options: LlmOptions = {}) {
  let clock = 0;
  const plugin = llm({ now: () => (clock += 5), ...options });
  const host = collectingHost(plugin);
  return {
    host,
    plugin,
    instrument: <Component extends object>(component: Component): Component => host.instrument(component),
    events: host.drafts,
    types: () => host.drafts.map((draft) => draft.type),
    last: () => host.drafts.at(-1)?.data,
  };
}

interface LibraryPromise<Answer> extends Promise<Answer> {
  asResponse(): Promise<Response>;
  withResponse(): Promise<{ data: Answer; response: Response }>;
}

interface LibraryStream extends AsyncIterable<unknown> {
  readonly controller: AbortController;
  tee(): [AsyncIterable<unknown>, AsyncIterable<unknown>];
  toReadableStream(): ReadableStream;
}

/** The two calls of a library that the tests below make, on a client that `instrument` may have touched. */
export interface Caller {
  plain(options?: { signal?: AbortSignal }): LibraryPromise<unknown>;
  streaming(options?: { signal?: AbortSignal }): LibraryPromise<LibraryStream>;
}

type Instrument = <Component extends object>(component: Component) => Component;

export const untouched: Instrument = (component) => component;

export function openai(options: ConstructorParameters<typeof OpenAI>[0] = {}): OpenAI {
  return new OpenAI({ apiKey: "sk-test", baseURL: `${server.url}/v1`, maxRetries: 0, ...options });
}

export function anthropic(options: ConstructorParameters<typeof Anthropic>[0] = {}): Anthropic {
  return new Anthropic({ apiKey: "sk-test", baseURL: server.url, maxRetries: 0, ...options });
}

const userMessage = { role: "user" as const, content: canary };
export const chat = { model: "gpt-5", messages: [userMessage] };
export const respond = { model: "gpt-5", input: canary, instructions: canary };
export const message = { model: "claude-test", max_tokens: 64, system: canary, messages: [userMessage] };
export const stream = true as const;

export const libraries = [
  {
    title: "OpenAI chat completions",
    asked: { provider: "openai", operation: "chat", model: "gpt-5" },
    answered: { response_id: "chatcmpl-1", finish_reason: "stop" },
    errors: OpenAI,
    caller: (instrument: Instrument, maxRetries = 0): Caller => {
      const { completions } = instrument(openai({ maxRetries })).chat;
      return {
        plain: (options) => completions.create(chat, options),
        streaming: (options) =>
          completions.create({ ...chat, stream, stream_options: { include_usage: true } }, options),
      };
    },
  },
  {
    title: "OpenAI responses",
    asked: { provider: "openai", operation: "responses", model: "gpt-5" },
    answered: { response_id: "resp_1", finish_reason: "completed" },
    errors: OpenAI,
    caller: (instrument: Instrument, maxRetries = 0): Caller => {
      const { responses } = instrument(openai({ maxRetries }));
      return {
        plain: (options) => responses.create(respond, options),
        streaming: (options) => responses.create({ ...respond, stream }, options),
      };
    },
  },
  {
    title: "Anthropic messages",
    asked: { provider: "anthropic", operation: "messages", model: "claude-test" },
    answered: { response_id: "msg_1", finish_reason: "end_turn" },
    errors: Anthropic,
    caller: (instrument: Instrument, maxRetries = 0): Caller => {
      const { messages } = instrument(anthropic({ maxRetries }));
      return {
        plain: (options) => messages.create(message, options),
        streaming: (options) => messages.create({ ...message, stream }, options),
      };
    },
  },
];

export const tokens = { input_tokens: 12, output_tokens: 7, total_tokens: 19 };

export async function readAll(source: AsyncIterable<unknown>, pieces: unknown[] = []): Promise<unknown[]> {
  for await (const piece of source) pieces.push(piece);
  return pieces;
}

export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

export async function failUnseen(calls: Caller, requests: number): Promise<void> {
  void calls.plain();
  await until(() => server.requests.length === requests);
}

/** Collects the rejections nobody handled during `step`, with the test runner's own listeners set aside. */
export async function unhandledDuring(step: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners("unhandledRejection");
  const reasons: unknown[] = [];
  const collect = (reason: unknown): void => void reasons.push(reason);
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", collect);
  try {
    await step();
    for (let round = 0; round < 50; round += 1) await turn();
  } finally {
    process.off("unhandledRejection", collect);
    for (const other of others) process.on("unhandledRejection", other);
  }
  return reasons;
}
