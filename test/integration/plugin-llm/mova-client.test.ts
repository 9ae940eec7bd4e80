/** A client with `generateResponse`, of no library. */
import { describe, expect, test } from "vitest";
import {
  canary,
  started,
  completed,
  failed,
  watching,
  readAll,
  errorOf,
  unhandledDuring,
} from "../../support/llm.ts";

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
