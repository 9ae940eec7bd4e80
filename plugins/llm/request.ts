/** Reads what a call to OpenAI's or Anthropic's library asks, and of whom. */
import type { LlmRequest, Operation, Provider } from "./events.ts";
import { at, word } from "./fields.ts";

/** `resource` is what `create` was called on; `contentFields` are the body's fields that make the prompt. */
export function readRequest(
  resource: unknown,
  body: unknown,
  usualProvider: Provider,
  operation: Operation,
  contentFields: readonly string[],
): LlmRequest {
  const model = word(at(body, "model"));
  return {
    provider: isOpenRouter(at(resource, "_client", "baseURL")) ? "openrouter" : usualProvider,
    operation,
    stream: at(body, "stream") === true,
    ...(model === undefined ? {} : { model }),
    prompt: Object.fromEntries(contentFields.map((field) => [field, at(body, field)])),
  };
}

/** Asked at every call, because `client.baseURL` can be changed. */
function isOpenRouter(baseUrl: unknown): boolean {
  if (typeof baseUrl !== "string" || !URL.canParse(baseUrl)) return false;
  const { hostname } = new URL(baseUrl);
  return hostname === "openrouter.ai" || hostname.endsWith(".openrouter.ai");
}
