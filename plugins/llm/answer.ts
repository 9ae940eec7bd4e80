/** Collects what is known of one answer, whole or piece by piece. */
import type { LlmAnswer, LlmFailure } from "./events.ts";
import { at, count, word } from "./fields.ts";

/** What has been read so far. `errorType` is set where a well-formed answer says that the model failed. */
export type AnswerSoFar = {
  -readonly [Field in keyof (LlmAnswer & LlmFailure)]?: (LlmAnswer & LlmFailure)[Field];
} & {
  /** Where the request named none. */
  model?: string;
};

/** Sets a field where there is a value, and leaves what is known where there is none. */
export function note<Field extends keyof AnswerSoFar>(
  answer: AnswerSoFar,
  field: Field,
  value: AnswerSoFar[Field],
): void {
  if (value !== undefined) answer[field] = value;
}

/** Reads the token counts under the names of OpenAI's two APIs and Anthropic's. */
export function noteUsage(answer: AnswerSoFar, usage: unknown): void {
  note(answer, "inputTokens", count(at(usage, "input_tokens") ?? at(usage, "prompt_tokens")));
  note(answer, "outputTokens", count(at(usage, "output_tokens") ?? at(usage, "completion_tokens")));
  note(answer, "totalTokens", count(at(usage, "total_tokens")));
}

/** Appends the next piece of text where text is kept at all: where `completion` is there from the start. */
export function noteText(answer: AnswerSoFar, piece: unknown): void {
  if (answer.completion !== undefined && typeof piece === "string") answer.completion += piece;
}

/** Joins the texts of a list of content parts. */
export function noteParts(answer: AnswerSoFar, parts: unknown): void {
  if (Array.isArray(parts)) for (const part of parts) noteText(answer, at(part, "text"));
}

/** Names an error by its class, or by its code where that says more, and takes no words of it: its message may quote a prompt. */
export function noteError(answer: AnswerSoFar, error: unknown): void {
  const names = [at(error, "name"), at(error, "constructor", "name"), at(error, "code")].map(word);
  const telling = names.find((name) => name !== undefined && name !== "Error" && /^[\w$.]+$/.test(name));
  answer.errorType = telling ?? "Error";
  note(answer, "httpStatus", count(at(error, "status")));
  note(answer, "requestId", word(at(error, "requestID") ?? at(error, "request_id")));
}
