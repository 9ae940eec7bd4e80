/** Which objects the LLM plugin watches, how often, and what it says where something is odd. */
import { llm } from "mova-webhooks/plugins/llm";
import OpenAI from "openai";
import { describe, expect, test, vi } from "vitest";
import { chatCompletions } from "../../../plugins/llm/openai.ts";
import { watchModelMethod } from "../../../plugins/llm/watch-model-method.ts";
import { pluginSuite } from "../../../src/testing/plugin-suite.ts";
import {
  canary,
  started,
  completed,
  failed,
  server,
  watching,
  openai,
  anthropic,
  chat,
  respond,
  message,
  stream,
  errorOf,
} from "../../support/llm.ts";

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
