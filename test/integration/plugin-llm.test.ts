/** The LLM plugin under the real clients of OpenAI and Anthropic, against a server on loopback. */
import { setImmediate as turn } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";
import { type LlmOptions, llm } from "mova-webhooks/plugins/llm";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { chatCompletions } from "../../plugins/llm/openai.ts";
import { watchModelMethod } from "../../plugins/llm/watch-model-method.ts";
import { collectingHost } from "../../src/testing/collecting-host.ts";
import { type LlmServer, startLlmServer } from "../../src/testing/llm-server.ts";
import { pluginSuite } from "../../src/testing/plugin-suite.ts";

/** Stands in every prompt, answer and error message; no event may hold it. */
const canary = "canary-4711";

const started = "llm.request.started";
const completed = "llm.request.completed";
const failed = "llm.request.failed";

let server: LlmServer;
beforeEach(async () => {
  server = await startLlmServer({ reply: `one two ${canary} four`, errorMessage: canary });
});
afterEach(() => server.close());

/** A host whose clock advances 5 ms at every look. */
function watching(options: LlmOptions = {}) {
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
interface Caller {
  plain(options?: { signal?: AbortSignal }): LibraryPromise<unknown>;
  streaming(options?: { signal?: AbortSignal }): LibraryPromise<LibraryStream>;
}

type Instrument = <Component extends object>(component: Component) => Component;

const untouched: Instrument = (component) => component;

function openai(options: ConstructorParameters<typeof OpenAI>[0] = {}): OpenAI {
  return new OpenAI({ apiKey: "sk-test", baseURL: `${server.url}/v1`, maxRetries: 0, ...options });
}

function anthropic(options: ConstructorParameters<typeof Anthropic>[0] = {}): Anthropic {
  return new Anthropic({ apiKey: "sk-test", baseURL: server.url, maxRetries: 0, ...options });
}

const userMessage = { role: "user" as const, content: canary };
const chat = { model: "gpt-5", messages: [userMessage] };
const respond = { model: "gpt-5", input: canary, instructions: canary };
const message = { model: "claude-test", max_tokens: 64, system: canary, messages: [userMessage] };
const stream = true as const;

const libraries = [
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

const tokens = { input_tokens: 12, output_tokens: 7, total_tokens: 19 };

describe.each(libraries)("$title", ({ asked, answered, errors, caller }) => {
  const whole = { ...asked, stream: false };
  const streamed = { ...asked, stream: true };
  const end = { duration_ms: 5, request_id: "req_1" };

  test("an awaited call says that it started, how it ended and what it cost", async () => {
    const { instrument, events } = watching();
    const answer = await caller(instrument).plain();
    expect(JSON.stringify(answer)).toContain(canary);
    expect(events).toEqual([
      { type: started, data: whole },
      { type: completed, data: { ...whole, ...end, ...answered, ...tokens } },
    ]);
  });

  test("the answer is the same with and without us", async () => {
    const { instrument } = watching();
    const [without, withUs] = [await caller(untouched).plain(), await caller(instrument).plain()];
    const numbered = JSON.stringify(without).replaceAll("_1", "_2").replaceAll("-1", "-2");
    expect(JSON.stringify(withUs)).toBe(numbered);
    expect(withUs).toHaveProperty("_request_id", "req_2");
  });

  test("a stream completes when its last piece was read, and not before", async () => {
    const { instrument, events, types } = watching();
    const expected = await readAll(await caller(untouched).streaming());
    const pieces = [];
    for await (const piece of await caller(instrument).streaming()) {
      expect(types()).toEqual([started]);
      pieces.push(piece);
    }
    expect(pieces).toHaveLength(expected.length);
    const renumbered = { request_id: "req_2", response_id: answered.response_id.replace("1", "2") };
    expect(events).toEqual([
      { type: started, data: streamed },
      { type: completed, data: { ...streamed, ...end, ...answered, ...tokens, ...renumbered } },
    ]);
  });

  test("a call that fails on every retry is one failure with the status, the class and the identical error", async () => {
    const { instrument, events } = watching();
    server.next({ status: 500 }, { status: 500 }, { status: 500 });
    const promise = caller(instrument, 2).plain();
    const [first, second] = [await errorOf(promise), await errorOf(promise.withResponse())];
    expect(first).toBeInstanceOf(errors.InternalServerError);
    expect(first).toBe(second);
    expect(server.requests).toHaveLength(3);
    expect(events).toEqual([
      { type: started, data: whole },
      {
        type: failed,
        data: {
          ...whole,
          duration_ms: 5,
          request_id: "req_3",
          error_type: "InternalServerError",
          http_status: 500,
        },
      },
    ]);
  });

  test("a call that succeeds on its second try is one completion", async () => {
    const { instrument, types, last } = watching();
    server.next({ status: 503 });
    await caller(instrument, 2).plain();
    expect(types()).toEqual([started, completed]);
    expect(last()).toMatchObject({ request_id: "req_2" });
  });

  test("a refused key fails, for a stream too", async () => {
    const { instrument, types, last } = watching();
    server.next({ status: 401 });
    expect(await errorOf(caller(instrument).streaming())).toBeInstanceOf(errors.AuthenticationError);
    expect(types()).toEqual([started, failed]);
    expect(last()).toMatchObject({ error_type: "AuthenticationError", http_status: 401 });
  });

  test("a server that is gone is a failure without a status", async () => {
    const { instrument, last } = watching();
    const calls = caller(instrument);
    await server.close();
    expect(await errorOf(calls.plain())).toBeInstanceOf(errors.APIConnectionError);
    expect(last()).toEqual({ ...whole, duration_ms: 5, error_type: "APIConnectionError" });
  });

  test("an answer that breaks off while it is parsed fails with the error the caller gets", async () => {
    const { instrument, types, last } = watching();
    server.next({ breakAfter: 0 });
    const error = await errorOf(caller(instrument).plain());
    expect(error).toBeInstanceOf(Error);
    expect(types()).toEqual([started, failed]);
    expect(last()).toMatchObject({ error_type: (error as Error).constructor.name, request_id: "req_1" });
  });

  test("a stream that breaks fails, and its reader gets the pieces before and the error", async () => {
    const { instrument, types, last } = watching();
    server.next({ breakAfter: 4 });
    const pieces: unknown[] = [];
    const reading = caller(instrument)
      .streaming()
      .then((source) => readAll(source, pieces));
    expect(await errorOf(reading)).toBeInstanceOf(TypeError);
    expect(pieces).toHaveLength(4);
    expect(types()).toEqual([started, failed]);
    expect(last()).toMatchObject({ error_type: "TypeError", response_id: answered.response_id });
  });

  test("a reader that breaks out completes the call as abandoned and still closes the connection", async () => {
    const { instrument, types, last } = watching();
    server.next({ stallAfter: 2 });
    const source = await caller(instrument).streaming();
    for await (const _ of source) break;
    expect(source.controller.signal.aborted).toBe(true);
    expect(types()).toEqual([started, completed]);
    expect(last()).toMatchObject({ finish_reason: "abandoned" });
  });

  test("a reader that throws closes the call once, and its error comes out untouched", async () => {
    const { instrument, types } = watching();
    const mistake = new Error("the reader's own");
    const source = await caller(instrument).streaming();
    async function read(): Promise<void> {
      for await (const _ of source) throw mistake;
    }
    expect(await errorOf(read())).toBe(mistake);
    expect(types()).toEqual([started, completed]);
  });

  test.each([
    ["before the first piece is asked for", 0],
    ["between two pieces", 1],
  ])("a stream that is aborted %s fails with AbortError", async (_, read) => {
    const { instrument, types, last } = watching();
    const source = await caller(instrument).streaming();
    const iterator = source[Symbol.asyncIterator]();
    for (let piece = 0; piece < read; piece += 1) await iterator.next();
    source.controller.abort();
    expect(types()).toEqual([started, failed]);
    expect(last()).toMatchObject({ error_type: "AbortError" });
  });

  test("a stream that is aborted while a piece is awaited ends quietly for its reader and fails for us", async () => {
    const { instrument, types, last } = watching();
    server.next({ stallAfter: 1 });
    const abort = new AbortController();
    const source = await caller(instrument).streaming({ signal: abort.signal });
    const iterator = source[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    abort.abort();
    expect(await pending).toMatchObject({ done: true });
    expect(types()).toEqual([started, failed]);
    expect(last()).toMatchObject({ error_type: "AbortError" });
  });

  test("a call that is aborted before its answer fails with the library's own error", async () => {
    const { instrument, last } = watching();
    const signal = AbortSignal.abort();
    expect(await errorOf(caller(instrument).plain({ signal }))).toBeInstanceOf(errors.APIUserAbortError);
    expect(last()).toMatchObject({ error_type: "APIUserAbortError" });
  });

  test("asResponse hands out a body nobody has read, and the call ends there", async () => {
    const { instrument, types, last } = watching();
    const response = await caller(instrument).plain().asResponse();
    expect(response.bodyUsed).toBe(false);
    expect(await response.text()).toContain(canary);
    expect(types()).toEqual([started, completed]);
    expect(last()).toEqual({ ...whole, ...end });
  });

  test("withResponse hands out both, and the call is told with its cost", async () => {
    const { instrument, types, last } = watching();
    const { data, response } = await caller(instrument).plain().withResponse();
    expect(response.status).toBe(200);
    expect(JSON.stringify(data)).toContain(canary);
    expect(types()).toEqual([started, completed]);
    expect(last()).toMatchObject({ ...answered, ...tokens });
  });

  test("withResponse of a stream follows the stream", async () => {
    const { instrument, types, last } = watching();
    const { data } = await caller(instrument).streaming().withResponse();
    expect(types()).toEqual([started]);
    await readAll(data);
    expect(types()).toEqual([started, completed]);
    expect(last()).toMatchObject(tokens);
  });

  test("the promise and the stream keep their classes, and awaiting twice tells once", async () => {
    const { instrument, types } = watching();
    const [theirs, ours] = [caller(untouched).streaming(), caller(instrument).streaming()];
    expect(ours.constructor).toBe(theirs.constructor);
    expect(Object.keys(ours).toSorted()).toEqual(Object.keys(theirs).toSorted());
    const [theirStream, ourStream] = [await theirs, await ours];
    expect(ourStream.constructor).toBe(theirStream.constructor);
    expect(Object.keys(ourStream).toSorted()).toEqual(Object.keys(theirStream).toSorted());
    expect(await ours).toBe(ourStream);
    await readAll(theirStream);
    await readAll(ourStream);
    expect(types()).toEqual([started, completed]);
  });

  test("tee and toReadableStream read through us", async () => {
    const { instrument, types } = watching();
    const calls = caller(instrument);
    const [left, right] = (await calls.streaming()).tee();
    expect(await readAll(left)).toEqual(await readAll(right));
    expect(types()).toEqual([started, completed]);
    let size = 0;
    for await (const bytes of (await calls.streaming()).toReadableStream())
      size += (bytes as Uint8Array).length;
    expect(size).toBeGreaterThan(100);
    expect(types()).toEqual([started, completed, started, completed]);
  });

  test("a consumed stream read again throws as before and tells nothing new", async () => {
    const { instrument, types } = watching();
    const source = await caller(instrument).streaming();
    await readAll(source);
    expect(String(await errorOf(readAll(source)))).toContain("consumed stream");
    expect(types()).toEqual([started, completed]);
  });

  test("a second reader of a stream that is being read gets its error and does not end the call", async () => {
    const { instrument, types } = watching();
    const source = await caller(instrument).streaming();
    const first = source[Symbol.asyncIterator]();
    await first.next();
    expect(String(await errorOf(readAll(source)))).toContain("consumed stream");
    expect(types()).toEqual([started]);
    await readAll({ [Symbol.asyncIterator]: () => first });
    expect(types()).toEqual([started, completed]);
  });

  test("a call nobody awaits is sent, and nothing reads its body", async () => {
    const { instrument, types } = watching();
    const reasons = await unhandledDuring(async () => {
      void caller(instrument).plain();
      await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    });
    expect(reasons).toEqual([]);
    expect(types()).toEqual([started]);
  });

  test("a failing call nobody awaits is one unhandled rejection, as without us", async () => {
    const { instrument, types } = watching();
    server.next({ status: 400 }, { status: 400 });
    const without = await unhandledDuring(() => failUnseen(caller(untouched), 1));
    const withUs = await unhandledDuring(() => failUnseen(caller(instrument), 2));
    expect(without).toHaveLength(1);
    expect(withUs).toHaveLength(1);
    expect(withUs[0]).toBeInstanceOf(errors.BadRequestError);
    expect(types()).toEqual([started, failed]);
  });

  test("a failing call that is handled leaves no unhandled rejection, whichever way it is consumed", async () => {
    const { instrument, types } = watching();
    server.next({ status: 400 }, { status: 400 }, { status: 400 }, { breakAfter: 2 });
    const calls = caller(instrument);
    const reasons = await unhandledDuring(async () => {
      await errorOf(calls.plain());
      await errorOf(calls.plain().asResponse());
      await errorOf(calls.plain().withResponse());
      await errorOf(calls.streaming().then((source) => readAll(source)));
    });
    expect(reasons).toEqual([]);
    expect(types()).toEqual(Array.from({ length: 4 }, () => [started, failed]).flat());
  });

  test("nothing of a prompt, an answer or an error message is in any event", async () => {
    const { instrument, events, host } = watching();
    server.next({}, {}, { status: 400 }, { breakAfter: 4 });
    const calls = caller(instrument);
    await calls.plain();
    await readAll(await calls.streaming());
    expect(String(await errorOf(calls.plain()))).toContain(canary);
    await errorOf(calls.streaming().then((source) => readAll(source)));
    expect(events).toHaveLength(8);
    expect(JSON.stringify([events, host.published])).not.toContain(canary);
    expect(host.logged).toEqual([]);
  });

  test("includeContent sends prompts, completions and error messages along", async () => {
    const { instrument, events } = watching({ includeContent: true });
    const calls = caller(instrument);
    server.next({}, {}, { status: 400 });
    await calls.plain();
    await readAll(await calls.streaming());
    await errorOf(calls.plain());
    const completion = `one two ${canary} four`;
    expect(events[0]?.data).toHaveProperty("prompt");
    expect(JSON.stringify(events[0]?.data)).toContain(canary);
    expect(events[1]?.data).toMatchObject({ completion });
    expect(events[3]?.data).toMatchObject({ completion });
    expect(events[5]?.data).toMatchObject({ error_message: expect.stringContaining(canary) });
  });
});

describe("the helpers of the libraries go through the watched method once", () => {
  test("chat.completions.parse, completed and failed", async () => {
    const { instrument, types, last } = watching();
    const { completions } = instrument(openai()).chat;
    const answer = await completions.parse(chat);
    expect(answer.choices[0]?.message.content).toContain(canary);
    expect(types()).toEqual([started, completed]);
    expect(last()).toMatchObject({ operation: "chat", ...tokens });
    server.next({ status: 400 });
    await errorOf(completions.parse(chat));
    expect(types()).toEqual([started, completed, started, failed]);
  });

  test("chat.completions.stream, read through its events", async () => {
    const { instrument, types } = watching();
    const answer = await instrument(openai()).chat.completions.stream(chat).finalContent();
    expect(answer).toContain(canary);
    expect(types()).toEqual([started, completed]);
  });

  test("responses.parse and responses.stream", async () => {
    const { instrument, types } = watching();
    const { responses } = instrument(openai());
    expect((await responses.parse(respond)).output_text).toContain(canary);
    expect((await responses.stream(respond).finalResponse()).output_text).toContain(canary);
    expect(types()).toEqual([started, completed, started, completed]);
  });

  test("messages.parse and messages.stream, completed and aborted", async () => {
    const { instrument, types, last } = watching();
    const { messages } = instrument(anthropic());
    expect(JSON.stringify(await messages.parse(message))).toContain(canary);
    expect(await messages.stream(message).finalText()).toContain(canary);
    expect(types()).toEqual([started, completed, started, completed]);
    server.next({ stallAfter: 1 });
    const aborted = messages.stream(message);
    aborted.on("streamEvent", () => aborted.abort());
    expect(await errorOf(aborted.done())).toBeInstanceOf(Anthropic.APIUserAbortError);
    expect(types().slice(4)).toEqual([started, failed]);
    expect(last()).toMatchObject({ error_type: "AbortError" });
  });

  test("beta.messages.create of Anthropic", async () => {
    const { instrument, types } = watching();
    await instrument(anthropic()).beta.messages.create(message);
    expect(types()).toEqual([started, completed]);
  });
});

describe("clients", () => {
  test("a reader that breaks once it has the finish reason keeps it", async () => {
    const { instrument, last } = watching();
    for await (const piece of await instrument(openai()).chat.completions.create({ ...chat, stream })) {
      if (piece.choices[0]?.finish_reason === "stop") break;
    }
    expect(last()).toMatchObject({ finish_reason: "stop" });
  });

  test("a client whose base URL is OpenRouter's is named so", async () => {
    const { instrument, last } = watching();
    const toLoopback: typeof fetch = (url, init) =>
      fetch((url as string).replace("https://openrouter.ai/api", server.url), init);
    const client = instrument(openai({ baseURL: "https://openrouter.ai/api/v1", fetch: toLoopback }));
    await client.chat.completions.create(chat);
    expect(last()).toMatchObject({ provider: "openrouter", operation: "chat" });
  });

  test("an answer with status 200 that says the model failed is a failure", async () => {
    const { instrument, types, last } = watching();
    const body = { error: { code: 502, message: canary } };
    const client = instrument(openai({ fetch: async () => Response.json(body) }));
    await client.chat.completions.create(chat);
    expect(types()).toEqual([started, failed]);
    expect(last()).toMatchObject({ error_type: "ProviderError", http_status: 502 });
    const failedResponse = {
      object: "response",
      id: "resp_9",
      status: "failed",
      output: [],
      error: { code: "server_error" },
    };
    const other = instrument(openai({ fetch: async () => Response.json(failedResponse) }));
    await other.responses.create(respond);
    expect(last()).toMatchObject({ error_type: "server_error", response_id: "resp_9" });
  });

  test("instrument returns the same object, watches it once, and leaves other clients alone", async () => {
    const { instrument, types } = watching();
    const [client, other] = [openai(), openai()];
    const keys = Object.keys(client.chat.completions);
    expect(instrument(client)).toBe(client);
    const create: unknown = Reflect.get(client.chat.completions, "create");
    instrument(client);
    expect(Reflect.get(client.chat.completions, "create")).toBe(create);
    expect(Object.keys(client.chat.completions)).toEqual(keys);
    expect([Reflect.get(create as object, "name"), Reflect.get(create as object, "length")]).toEqual([
      "create",
      2,
    ]);
    await other.chat.completions.create(chat);
    expect(types()).toEqual([]);
    await client.chat.completions.create(chat);
    expect(types()).toEqual([started, completed]);
  });

  test("two managers that watch one client are both told", async () => {
    const [one, two] = [watching(), watching()];
    const client = one.instrument(two.instrument(one.instrument(openai())));
    await client.chat.completions.create(chat);
    expect(one.types()).toEqual([started, completed]);
    expect(two.types()).toEqual([started, completed]);
  });

  test("a prototype is watched like an instance, and both together tell once", async () => {
    const { instrument, host, types } = watching();
    const { prototype } = OpenAI.Chat.Completions;
    const create = Object.getOwnPropertyDescriptor(prototype, "create") ?? {};
    watchModelMethod(prototype, "create", chatCompletions, host, { includeContent: false, now: () => 0 });
    try {
      await openai().chat.completions.create(chat);
      await instrument(openai()).chat.completions.create(chat);
    } finally {
      Object.defineProperty(prototype, "create", create);
    }
    expect(types()).toEqual([started, completed, started, completed]);
  });

  test("a client that is frozen is left alone", async () => {
    const { instrument, host, types } = watching();
    const client = openai();
    Object.freeze(client.chat.completions);
    await instrument(client).chat.completions.create(chat);
    expect(types()).toEqual([]);
    expect(host.logged).toHaveLength(1);
  });

  test("nothing is measured or hooked while nobody wants any of the three topics", async () => {
    const now = vi.fn<() => number>(() => 0);
    const { instrument, events, host } = watching({ now });
    host.want(() => false);
    const promise = instrument(openai()).chat.completions.create(chat);
    expect(Object.hasOwn(promise, "asResponse")).toBe(false);
    await promise;
    expect(now).not.toHaveBeenCalled();
    expect(events).toEqual([]);
  });

  test("a method that throws at once fails the call and throws the same error", () => {
    const { instrument, types } = watching();
    const client = instrument(anthropic());
    expect(() => client.messages.create({ ...message, max_tokens: 10_000_000 })).toThrow("Streaming is");
    expect(types()).toEqual([started, failed]);
  });

  test("our own failure is logged without content and never reaches the caller", async () => {
    const { instrument, host } = watching({
      now() {
        throw new RangeError(canary);
      },
    });
    const answer = await instrument(openai()).chat.completions.create(chat);
    expect(answer.choices[0]?.message.content).toContain(canary);
    expect(host.logged.length).toBeGreaterThan(0);
    expect(JSON.stringify(host.logged)).not.toContain(canary);
  });

  test("content that others publish on the bus is translated only where it is switched on", () => {
    const facts = { provider: "mova", operation: "generate", stream: false, prompt: canary } as const;
    expect(llm().translate["llm:started"]?.(facts)).not.toHaveProperty("data.prompt");
    expect(llm({ includeContent: true }).translate["llm:started"]?.(facts)).toHaveProperty(
      "data.prompt",
      canary,
    );
  });

  test("an error of no class of its own is named by its code", async () => {
    const { instrument, last } = watching();
    const failure = Object.assign(new Error(canary), { code: "ECONNRESET" });
    const client = instrument({ generateResponse: () => Promise.reject(failure) });
    expect(await errorOf(client.generateResponse())).toBe(failure);
    expect(last()).toMatchObject({ error_type: "ECONNRESET" });
  });

  test.each(pluginSuite)("the plugin $name", async (rule) => {
    await expect(Promise.resolve(rule.run(llm()))).resolves.toBeUndefined();
  });

  test("other objects are not recognised", () => {
    const objects = watching().plugin.instrument?.objects ?? [];
    const mailer = { messages: { create() {}, list() {} } };
    for (const other of [mailer, {}, new Map(), { chat: null }, { generateResponse: "text" }]) {
      expect(objects.filter((candidate) => candidate.recognises(other))).toEqual([]);
    }
  });
});

describe("a MOVA-style client", () => {
  class MovaClient {
    model = "mova-small";
    failure: Error | undefined;
    async generateResponse(prompt: string): Promise<string> {
      if (this.failure !== undefined) throw this.failure;
      return `${prompt} by ${this.model}`;
    }
  }

  test("generateResponse keeps `this`, its value and its error", async () => {
    const { instrument, events } = watching();
    const client = instrument(new MovaClient());
    expect(await client.generateResponse(canary)).toBe(`${canary} by mova-small`);
    client.failure = new RangeError(canary);
    expect(await errorOf(client.generateResponse(canary))).toBe(client.failure);
    const asked = { provider: "mova", operation: "generate", model: "mova-small", stream: false };
    expect(events).toEqual([
      { type: started, data: asked },
      { type: completed, data: { ...asked, duration_ms: 5 } },
      { type: started, data: asked },
      { type: failed, data: { ...asked, duration_ms: 5, error_type: "RangeError" } },
    ]);
  });

  test("durations are told to the microsecond", async () => {
    let clock = 0;
    const { instrument, last } = watching({ now: () => (clock += 0.12181399999997211) });
    await instrument(new MovaClient()).generateResponse("a");
    expect(last()).toMatchObject({ duration_ms: 0.122 });
  });

  test("a failure nobody handles stays one unhandled rejection", async () => {
    const { instrument } = watching();
    const client = instrument(new MovaClient());
    client.failure = new RangeError(canary);
    const reasons = await unhandledDuring(async () => void client.generateResponse(canary));
    expect(reasons).toEqual([client.failure]);
  });

  test("an async generator is followed to its end", async () => {
    const { instrument, types, last } = watching({ includeContent: true });
    const client = instrument({
      async *generateResponse(prompt: string, options: { model: string; stream: boolean }) {
        yield prompt;
        yield ` for ${options.model}`;
      },
    });
    expect(await readAll(client.generateResponse("Hello", { model: "m1", stream: true }))).toHaveLength(2);
    expect(types()).toEqual([started, completed]);
    expect(last()).toMatchObject({ model: "m1", stream: true, completion: "Hello for m1" });
  });

  test("a generator its reader throws into fails with the reader's error", async () => {
    const { instrument, last } = watching();
    const client = instrument({
      async *generateResponse() {
        yield canary;
      },
    });
    const answer = client.generateResponse();
    await answer.next();
    const mistake = new RangeError(canary);
    expect(await errorOf(answer.throw(mistake))).toBe(mistake);
    expect(last()).toMatchObject({ error_type: "RangeError" });
  });

  test("an answer that is not a promise is told and returned as it is", () => {
    const { instrument, types, last } = watching();
    const answer = { id: "r1", content: canary, usage: { prompt_tokens: 3, completion_tokens: 4 } };
    expect(instrument({ generateResponse: () => answer }).generateResponse()).toBe(answer);
    expect(types()).toEqual([started, completed]);
    expect(last()).toMatchObject({ response_id: "r1", input_tokens: 3, output_tokens: 4, total_tokens: 7 });
  });
});

async function readAll(source: AsyncIterable<unknown>, pieces: unknown[] = []): Promise<unknown[]> {
  for await (const piece of source) pieces.push(piece);
  return pieces;
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

async function failUnseen(calls: Caller, requests: number): Promise<void> {
  void calls.plain();
  await vi.waitFor(() => expect(server.requests).toHaveLength(requests));
}

/** Collects the rejections nobody handled during `step`, with the test runner's own listeners set aside. */
async function unhandledDuring(step: () => Promise<void>): Promise<unknown[]> {
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
