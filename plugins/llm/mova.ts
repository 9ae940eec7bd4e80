/** Reads a MOVA-style LLM client: an object with `generateResponse(prompt, options?)`. */
import { hasMethods, type ObjectInstrumentation } from "mova-webhooks/plugin";
import { note, noteText, noteUsage } from "./answer.ts";
import type { ModelMethod, WatchOptions } from "./call.ts";
import { at, word } from "./fields.ts";
import { watchModelMethod } from "./watch-model-method.ts";

/** The answer may be a text, an object with `content` or `text`, or an async iterator of either. */
const generateResponse: ModelMethod = {
  ask(self, [prompt, options]) {
    const model =
      word(at(options, "model")) ??
      word(at(prompt, "model")) ??
      word(at(self, "model")) ??
      word(at(self, "config", "model"));
    return {
      provider: "mova",
      operation: "generate",
      stream: at(options, "stream") === true || at(prompt, "stream") === true,
      ...(model === undefined ? {} : { model }),
      prompt,
    };
  },
  read(piece, answer) {
    noteText(answer, typeof piece === "string" ? piece : (at(piece, "content") ?? at(piece, "text")));
    note(answer, "model", word(at(piece, "model")));
    note(answer, "responseId", word(at(piece, "id")));
    note(answer, "finishReason", word(at(piece, "finish_reason") ?? at(piece, "finishReason")));
    noteUsage(answer, at(piece, "usage"));
  },
};

export function movaClient(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "mova",
    recognises: (component) => hasMethods(component, "generateResponse"),
    attach(component, host) {
      watchModelMethod(component, "generateResponse", generateResponse, host, options);
      return component;
    },
  };
}
