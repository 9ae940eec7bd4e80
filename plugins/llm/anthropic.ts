/** Reads the `@anthropic-ai/sdk` library. */
import type { ObjectInstrumentation } from "mova-webhooks/plugin";
import { note, noteParts, noteText, noteUsage } from "./answer.ts";
import type { ModelMethod, WatchOptions } from "./call.ts";
import { at, word } from "./fields.ts";
import { readRequest } from "./request.ts";
import { watchMethod } from "./watch-method.ts";

/** `messages.create`. The library's `parse`, `stream` and tool runner go through it. */
export const messages: ModelMethod = {
  ask: (self, [body]) => readRequest(self, body, "anthropic", "messages", ["system", "messages"]),
  read(piece, answer) {
    // A stream begins with `message_start`, which holds the message, and ends with `message_delta`, which holds the rest.
    const message = at(piece, "message") ?? piece;
    note(answer, "model", word(at(message, "model")));
    note(answer, "responseId", word(at(message, "id")));
    note(answer, "finishReason", word(at(message, "stop_reason") ?? at(piece, "delta", "stop_reason")));
    noteUsage(answer, at(message, "usage"));
    noteText(answer, at(piece, "delta", "text"));
    noteParts(answer, at(message, "content"));
  },
};

export function anthropicClient(options: Omit<WatchOptions, "host">): ObjectInstrumentation {
  return {
    library: "@anthropic-ai/sdk",
    recognises(component) {
      // Other libraries have `messages.create` too, for mail and text messages; none has `stream` beside it.
      const resource = at(component, "messages");
      return typeof at(resource, "create") === "function" && typeof at(resource, "stream") === "function";
    },
    attach(component, host) {
      for (const resource of [at(component, "messages"), at(component, "beta", "messages")]) {
        if (typeof resource === "object" && resource !== null) {
          watchMethod(resource, "create", messages, { ...options, host });
        }
      }
      return component;
    },
  };
}
