/** The LLM plugin among other wrappers, in every order: what a program sees and does not handle is as it was. */
import { setImmediate as turn } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";
import Anthropic0 from "anthropic0";
import fc from "fast-check";
import { llm } from "mova-webhooks/plugins/llm";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import OpenAI6 from "openai6";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectingHost } from "../../src/testing/collecting-host.ts";
import { type LlmBehaviour, type LlmServer, startLlmServer } from "../../src/testing/llm-server.ts";

let server: LlmServer;
beforeAll(async () => {
  server = await startLlmServer();
});
afterAll(() => server.close());

/** What all versions of the libraries return, unless a wrapper put a plain promise in its place. */
interface LibraryPromise extends Promise<unknown> {
  asResponse?(): Promise<unknown>;
  withResponse?(): Promise<unknown>;
  parse?(): Promise<unknown>;
  _thenUnwrap?(transform: (value: unknown) => unknown): LibraryPromise;
}
type Create = (body: object, options?: { signal: AbortSignal }) => LibraryPromise;

type Fetch = typeof fetch;
interface Library {
  readonly client: (fetch: Fetch) => object;
  readonly resource: (client: never) => object;
  readonly body: object;
}

const messages = [{ role: "user", content: "hi" }];
const settings = (fetch: Fetch, path: string): never =>
  ({ apiKey: "x", baseURL: `${server.url}${path}`, maxRetries: 0, fetch }) as never;
const openaiLibrary = (Client: new (options: never) => object): Library => ({
  client: (fetch) => new Client(settings(fetch, "/v1")),
  resource: (client: OpenAI) => client.chat.completions,
  body: { model: "m", messages },
});
const anthropicLibrary = (Client: new (options: never) => object): Library => ({
  client: (fetch) => new Client(settings(fetch, "")),
  resource: (client: Anthropic) => client.messages,
  body: { model: "m", max_tokens: 9, messages },
});

const libraries: Record<string, Library> = {
  "openai 4": openaiLibrary(OpenAI4),
  "openai 5": openaiLibrary(OpenAI5),
  "openai 6": openaiLibrary(OpenAI6),
  "openai 7": openaiLibrary(OpenAI),
  "the responses of openai 7": {
    ...openaiLibrary(OpenAI),
    resource: (client: OpenAI) => client.responses,
    body: { model: "m", input: "hi" },
  },
  "@anthropic-ai/sdk 0": anthropicLibrary(Anthropic0),
  "@anthropic-ai/sdk 1": anthropicLibrary(Anthropic),
};

const nothing = (): void => {};
/** What others do with a call: look on from the side, or put something in its place. */
const wrappers: Record<string, (promise: LibraryPromise) => unknown> = {
  thenBeside(promise) {
    promise.then(nothing, nothing);
    return promise;
  },
  catchAfterThen(promise) {
    promise.then(nothing).catch(nothing);
    return promise;
  },
  parseBeside(promise) {
    promise.parse?.().catch(nothing);
    return promise;
  },
  responseBeside(promise) {
    promise.asResponse?.().then(nothing, nothing);
    return promise;
  },
  unwrapped: (promise) => promise._thenUnwrap?.((value) => value) ?? promise,
  continued: (promise) => promise.then((value) => value),
  async: async (promise) => await promise,
};

/** What the program does with what it got; nothing of it leaves a rejection unhandled but the last three. */
const consumers: Record<string, (promise: LibraryPromise) => unknown> = {
  await: async (promise) => await promise,
  then: (promise) => promise.then(nothing, (error: unknown) => error),
  catch: (promise) => promise.catch((error: unknown) => error),
  withResponse: (promise) => promise.withResponse?.(),
  asResponse: (promise) => promise.asResponse?.(),
  bothWays: (promise) => Promise.allSettled([promise, promise.asResponse?.()]),
  thenUnhandled: (promise) => void promise.then(nothing),
  finallyUnhandled: (promise) => void promise.finally(nothing),
  forgotten: nothing,
};

const endings: Record<string, LlmBehaviour & { readonly abort?: true }> = {
  answered: {},
  refused: { status: 400 },
  "broken off": { breakAfter: 0 },
  aborted: { abort: true },
};

interface Story {
  /** Outermost last. */
  readonly wrappers: readonly string[];
  /** How many of them are inside of us. */
  readonly inside: number;
  readonly consumer: string;
  readonly ending: string;
}

const stories: fc.Arbitrary<Story> = fc.record({
  wrappers: fc.array(fc.constantFrom(...Object.keys(wrappers)), { maxLength: 3 }),
  inside: fc.nat({ max: 3 }),
  consumer: fc.constantFrom(...Object.keys(consumers)),
  ending: fc.constantFrom(...Object.keys(endings)),
});

function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : typeof error;
}

/** What the program sees of one call, and which rejections nobody handled; with us, also our events. */
async function tell(library: Library, story: Story, watched: boolean) {
  const host = collectingHost(llm());
  const settling: Promise<unknown>[] = [];
  const client = library.client(async (url, init) => {
    const response = await fetch(url, init);
    const { readable, writable } = new TransformStream({}, { highWaterMark: 99 }, { highWaterMark: 99 });
    settling.push(response.body?.pipeTo(writable) ?? Promise.resolve());
    return new Response(readable, response);
  }) as { makeRequest: (...given: unknown[]) => Promise<unknown> };
  const { makeRequest } = client;
  client.makeRequest = (...given) => {
    const request = new Promise((resolve, reject) => {
      settling.push(Reflect.apply(makeRequest, client, given).then(resolve, reject));
    });
    return request;
  };
  const resource = library.resource(client as never) as { create: Create };
  const { abort, ...behaviour } = endings[story.ending] ?? {};
  const controller = new AbortController();
  if (abort === true) controller.abort();
  else server.next(behaviour);

  const wrap = (names: readonly string[]): void => {
    for (const name of names) {
      const { create } = resource;
      resource.create = function wrapped(this: unknown, ...given) {
        return wrappers[name]?.(Reflect.apply(create, this, given)) as LibraryPromise;
      };
    }
  };
  const unhandled: string[] = [];
  const collect = (reason: unknown): void => void unhandled.push(nameOf(reason));
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", collect);
  let seen: string;
  try {
    wrap(story.wrappers.slice(0, story.inside));
    if (watched) host.instrument(client);
    wrap(story.wrappers.slice(story.inside));
    const promise = resource.create(library.body, { signal: controller.signal });
    seen = await Promise.resolve(consumers[story.consumer]?.(promise)).then((value) => typeof value, nameOf);
    for (let known = 0; known < settling.length; await turn()) {
      known = settling.length;
      await Promise.allSettled(settling);
    }
    for (let round = 0; round < 20; round += 1) await turn();
  } finally {
    process.off("unhandledRejection", collect);
    for (const other of others) process.on("unhandledRejection", other);
  }
  return { seen, unhandled, events: host.drafts.map(({ type }) => type), logged: host.logged };
}

test.each(Object.entries(libraries))(
  "in %s, whoever wraps before or after, the program sees the same and nothing more is unhandled",
  async (_, library) => {
    await fc.assert(
      fc.asyncProperty(stories, async (story) => {
        const without = await tell(library, story, false);
        const withUs = await tell(library, story, true);
        expect([withUs.seen, withUs.unhandled, withUs.logged]).toEqual([without.seen, without.unhandled, []]);
        expect(withUs.events[0]).toBe("llm.request.started");
        expect(withUs.events.length).toBeLessThanOrEqual(2);
        if (story.ending === "refused" || story.ending === "aborted") {
          expect(withUs.events[1]).toBe("llm.request.failed");
        }
      }),
      { numRuns: 40 },
    );
  },
);
