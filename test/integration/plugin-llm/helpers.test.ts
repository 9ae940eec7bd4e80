/** What the libraries build on their own calls, such as `parse`: it is told once. */
import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "vitest";
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
  tokens,
  errorOf,
} from "../../support/llm.ts";

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
