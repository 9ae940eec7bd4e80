/** The LLM plugin: requests to language models, as they start, complete and fail. */
import { checkOptions, definePlugin } from "mova-webhooks/plugin";
import { anthropicClient, anthropicModule } from "./anthropic.ts";
import { endOpenCalls } from "./dropped.ts";
import { type LlmCompletedData, type LlmFailedData, type LlmStartedData, toData } from "./events.ts";
import { movaClient } from "./mova.ts";
import { openaiClient, openaiModule } from "./openai.ts";

export type { LlmCompletedData, LlmFailedData, LlmStartedData } from "./events.ts";

export interface LlmOptions {
  /** Sends prompts, completions and error messages along. @default false */
  readonly includeContent?: boolean;
  /** Milliseconds, for durations. @default performance.now */
  readonly now?: () => number;
}

type LlmEvents = {
  "llm.request.started": LlmStartedData;
  "llm.request.completed": LlmCompletedData;
  "llm.request.failed": LlmFailedData;
};

const request = { provider: "openai", operation: "chat", stream: false, model: "gpt-5" } as const;

/** Watches clients of OpenAI, OpenRouter, Anthropic and MOVA. */
export function llm(given: LlmOptions = {}) {
  checkOptions("llm", given, { includeContent: "boolean", now: "function" });
  const { includeContent = false, now = () => performance.now() } = given;
  const options = { includeContent, now };
  return definePlugin<"llm", LlmEvents>({
    contract: 1,
    name: "llm",
    events: {
      "llm.request.started": {
        summary: "A request to a language model started.",
        example: request,
      },
      "llm.request.completed": {
        summary: "A language model answered; a stream was read to its end, or its reader stopped early.",
        example: {
          ...request,
          duration_ms: 812,
          response_id: "chatcmpl-9",
          finish_reason: "stop",
          input_tokens: 120,
          output_tokens: 48,
          total_tokens: 168,
        },
      },
      "llm.request.failed": {
        summary:
          "A request to a language model failed, after the library's own retries, or its stream broke.",
        example: { ...request, duration_ms: 95, error_type: "RateLimitError", http_status: 429 },
      },
    },
    translate: {
      "llm:started": (happened) => ({
        type: "llm.request.started",
        data: toData<LlmStartedData>(happened, includeContent),
      }),
      "llm:completed": (happened) => ({
        type: "llm.request.completed",
        data: toData<LlmCompletedData>(happened, includeContent),
      }),
      "llm:failed": (happened) => ({
        type: "llm.request.failed",
        data: toData<LlmFailedData>(happened, includeContent),
      }),
    },
    instrument: {
      objects: [openaiClient(options), anthropicClient(options), movaClient(options)],
      modules: [openaiModule(options), anthropicModule(options)],
      attach: endOpenCalls,
      hearsDeliveries: false,
    },
  });
}
