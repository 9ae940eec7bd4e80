/** Calls of the real clients of OpenAI and Anthropic that are awaited: what is told of them, and that they stay as they are. */
import { describe, expect, test } from "vitest";
import {
  canary,
  started,
  completed,
  failed,
  server,
  tokens,
  watching,
  untouched,
  libraries,
  readAll,
  errorOf,
  failUnseen,
  unhandledDuring,
} from "../../support/llm.ts";
import { until } from "../../support/until.ts";

describe.each(libraries)("$title", ({ asked, answered, errors, caller }) => {
  const whole = { ...asked, stream: false };
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

  test("a call nobody awaits is sent, and nothing reads its body", async () => {
    const { instrument, types } = watching();
    const reasons = await unhandledDuring(async () => {
      void caller(instrument).plain();
      await until(() => server.requests.length === 1);
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
