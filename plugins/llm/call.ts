/** One call of a model, from its start to its end: what is known of it, and what is published. */
import type { PluginHost } from "mova-webhooks/plugin";
import { type AnswerSoFar, note, noteError } from "./answer.ts";
import { opened } from "./dropped.ts";
import type { LlmCompleted, LlmRequest } from "./events.ts";
import { at, word } from "./fields.ts";

export interface WatchOptions {
  readonly includeContent: boolean;
  /** Milliseconds from any origin. */
  readonly now: () => number;
}

/** How to read one method of one library. */
export interface ModelMethod {
  /** Reads what a call asks. `self` is what the method was called on. */
  ask(self: unknown, args: readonly unknown[]): LlmRequest;
  /** Adds what a whole answer, or one piece of a stream, tells. */
  read(piece: unknown, answer: AnswerSoFar): void;
}

/** One call as it goes on. Nothing here throws; only the first end counts. */
export interface Call {
  /** Runs a step of the watching itself; what it throws is logged and goes no further. */
  guarded(step: () => void): void;
  /** The HTTP headers arrived. */
  answered(response: unknown): void;
  read(piece: unknown): void;
  completed(): void;
  /** The caller stopped reading. */
  readonly abandoned: () => void;
  readonly failed: (error: unknown) => void;
}

/** Publishes that the call starts. Returns nothing where nobody wants to hear of it. */
export function startCall(
  method: ModelMethod,
  self: unknown,
  args: readonly unknown[],
  host: PluginHost,
  { includeContent, now }: WatchOptions,
): Call | undefined {
  function guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      host.log.warn(
        { error_type: word(at(error, "name")) },
        "watching a model failed; the caller did not notice",
      );
    }
  }

  const wanted = host.wants("llm:started") || host.wants("llm:completed") || host.wants("llm:failed");
  if (!wanted) return undefined;
  let request: Omit<LlmRequest, "prompt"> | undefined;
  let startedAt = 0;
  guarded(() => {
    const { prompt, ...withoutContent } = method.ask(self, args);
    startedAt = now();
    request = withoutContent;
    host.publish("llm:started", includeContent ? { ...withoutContent, prompt } : withoutContent);
  });
  if (request === undefined) return undefined;

  const asked: Omit<LlmRequest, "prompt"> = request;
  const answer: AnswerSoFar = includeContent ? { completion: "" } : {};
  let ended = false;

  function end(publish: (facts: LlmCompleted) => void): void {
    if (ended) return;
    ended = true;
    closed();
    guarded(() => {
      const { inputTokens, outputTokens } = answer;
      if (inputTokens !== undefined && outputTokens !== undefined)
        answer.totalTokens ??= inputTokens + outputTokens;
      // To the microsecond.
      publish({ ...answer, ...asked, durationMs: Math.round((now() - startedAt) * 1000) / 1000 });
    });
  }

  function completed(): void {
    end((facts) => {
      // A well-formed answer can say that the model failed.
      const { errorType } = answer;
      if (errorType === undefined) host.publish("llm:completed", facts);
      else host.publish("llm:failed", { ...facts, errorType });
    });
  }

  function abandoned(): void {
    answer.finishReason ??= "abandoned";
    completed();
  }
  const closed = opened(host, abandoned);

  return {
    guarded,
    answered(response) {
      guarded(() => {
        const headers = at(response, "headers");
        const get = at(headers, "get");
        if (typeof get !== "function") return;
        for (const name of ["request-id", "x-request-id"]) {
          note(answer, "requestId", word(Reflect.apply(get, headers, [name])));
        }
      });
    },
    read(piece) {
      if (!ended) guarded(() => method.read(piece, answer));
    },
    completed,
    abandoned,
    failed(error) {
      guarded(() => {
        noteError(answer, error);
        const message = at(error, "message");
        if (includeContent && typeof message === "string") answer.errorMessage = message;
      });
      end((facts) => host.publish("llm:failed", { ...facts, errorType: answer.errorType ?? "Error" }));
    },
  };
}
