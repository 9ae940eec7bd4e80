/** Reads the `openai` library, versions 4 to 7, and whatever has its shape, such as a client for OpenRouter. */
import {
  exportNamed,
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
} from "mova-webhooks/plugin";
import { note, noteParts, noteText, noteUsage } from "./answer.ts";
import type { ModelMethod, WatchOptions } from "./call.ts";
import { at, count, objectAt, word } from "./fields.ts";
import { readRequest } from "./request.ts";
import { watchModelMethod } from "./watch-model-method.ts";

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
const responses: ModelMethod = {
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

export function openaiClient(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "openai",
    recognises: (component) => resourcesOf(component).some(([resource]) => hasMethods(resource, "create")),
    attach(component, host) {
      for (const [resource, method] of resourcesOf(component)) {
        watchModelMethod(resource, "create", method, host, options);
      }
      return component;
    },
  };
}

export function openaiModule(options: WatchOptions): ModuleInstrumentation {
  return {
    module: "openai",
    versions: ">=4.19.0 <8.0.0",
    patch(exports, host) {
      const client = exportNamed(exports, "OpenAI");
      watchModelMethod(
        at(client, "Chat", "Completions", "prototype"),
        "create",
        chatCompletions,
        host,
        options,
      );
      watchModelMethod(at(client, "Responses", "prototype"), "create", responses, host, options);
    },
  };
}

function resourcesOf(client: object): readonly (readonly [object, ModelMethod])[] {
  const found: [object, ModelMethod][] = [];
  const completions = objectAt(client, "chat", "completions");
  if (completions !== undefined) found.push([completions, chatCompletions]);
  const responsesResource = objectAt(client, "responses");
  if (responsesResource !== undefined) found.push([responsesResource, responses]);
  return found;
}
