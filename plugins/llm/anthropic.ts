/** Reads the `@anthropic-ai/sdk` library. */
import {
  exportNamed,
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
} from "mova-webhooks/plugin";
import { note, noteParts, noteText, noteUsage } from "./answer.ts";
import type { ModelMethod, WatchOptions } from "./call.ts";
import { at, objectAt, word } from "./fields.ts";
import { readRequest } from "./request.ts";
import { watchModelMethod } from "./watch-model-method.ts";

/** `messages.create`. The library's `parse`, `stream` and tool runner go through it. */
const messages: ModelMethod = {
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

export function anthropicClient(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "@anthropic-ai/sdk",
    recognises(component) {
      // Other libraries have `messages.create` too, for mail and text messages; none has `stream` beside it.
      const resource = objectAt(component, "messages");
      return resource !== undefined && hasMethods(resource, "create", "stream");
    },
    attach(component, host) {
      for (const resource of [objectAt(component, "messages"), objectAt(component, "beta", "messages")]) {
        if (resource !== undefined) watchModelMethod(resource, "create", messages, host, options);
      }
      return component;
    },
  };
}

export function anthropicModule(options: WatchOptions): ModuleInstrumentation {
  return {
    module: "@anthropic-ai/sdk",
    versions: ">=0.20.0 <2.0.0",
    patch(exports, host) {
      const client = exportNamed(exports, "Anthropic");
      for (const resources of [client, at(client, "Beta")]) {
        watchModelMethod(at(resources, "Messages", "prototype"), "create", messages, host, options);
      }
    },
  };
}
