/** Reads the `openai` library, versions 4 to 6, and whatever has its shape, such as a client for OpenRouter. */
import type { ObjectInstrumentation } from "mova-webhooks/plugin";
import { note, noteParts, noteText, noteUsage } from "./answer.ts";
import type { ModelMethod, WatchOptions } from "./call.ts";
import { at, count, word } from "./fields.ts";
import { readRequest } from "./request.ts";
import { watchMethod } from "./watch-method.ts";

/** `chat.completions.create`. The library's `parse`, `stream` and `runTools` go through it. */
export const chatCompletions: ModelMethod = {
  ask: (self, [body]) => readRequest(self, body, "openai", "chat", ["messages"]),
  read(piece, answer) {
    const choice = at(piece, "choices", 0);
    note(answer, "model", word(at(piece, "model")));
    note(answer, "responseId", word(at(piece, "id")));
    note(answer, "finishReason", word(at(choice, "finish_reason")));
    noteUsage(answer, at(piece, "usage"));
    noteText(answer, at(choice, "message", "content") ?? at(choice, "delta", "content"));
    // OpenRouter reports a failed upstream model with status 200.
    const error = at(piece, "error") ?? at(choice, "error");
    if (typeof error === "object" && error !== null) {
      answer.errorType = "ProviderError";
      note(answer, "httpStatus", count(at(error, "code")));
    }
  },
};

/** `responses.create`. The library's `parse` and `stream` go through it. */
export const responses: ModelMethod = {
  ask: (self, [body]) => readRequest(self, body, "openai", "responses", ["instructions", "input"]),
  read(piece, answer) {
    const type = at(piece, "type");
    if (type === "response.output_text.delta") return noteText(answer, at(piece, "delta"));
    if (type === "error") {
      answer.errorType = word(at(piece, "code")) ?? "error";
      return;
    }
    const streamed = at(piece, "response");
    const response = streamed ?? piece;
    const status = at(response, "status");
    note(answer, "model", word(at(response, "model")));
    note(answer, "responseId", word(at(response, "id")));
    noteUsage(answer, at(response, "usage"));
    if (status === "completed" || status === "incomplete" || status === "cancelled") {
      note(answer, "finishReason", word(at(response, "incomplete_details", "reason")) ?? status);
    }
    if (status === "failed") answer.errorType = word(at(response, "error", "code")) ?? "failed";
    const output = at(response, "output");
    if (streamed === undefined && Array.isArray(output)) {
      for (const item of output) noteParts(answer, at(item, "content"));
    }
  },
};

export function openaiClient(options: Omit<WatchOptions, "host">): ObjectInstrumentation {
  return {
    library: "openai",
    recognises(component) {
      return [at(component, "chat", "completions", "create"), at(component, "responses", "create")].some(
        isFunction,
      );
    },
    attach(component, host) {
      const completions = at(component, "chat", "completions");
      const responsesResource = at(component, "responses");
      if (isObject(completions)) watchMethod(completions, "create", chatCompletions, { ...options, host });
      if (isObject(responsesResource))
        watchMethod(responsesResource, "create", responses, { ...options, host });
      return component;
    },
  };
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
