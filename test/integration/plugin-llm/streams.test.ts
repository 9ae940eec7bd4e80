/** Streams of the real clients of OpenAI and Anthropic, however their readers go on with them. */
import { describe, expect, test } from "vitest";
import {
  started,
  completed,
  failed,
  server,
  watching,
  untouched,
  libraries,
  tokens,
  readAll,
  errorOf,
} from "../../support/llm.ts";

describe.each(libraries)("$title", ({ asked, answered, caller }) => {
  const streamed = { ...asked, stream: true };
  const end = { duration_ms: 5, request_id: "req_1" };

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
});
