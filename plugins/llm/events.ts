/** What the LLM plugin says on the bus, and the data of its webhook events. */

export type Provider = "openai" | "anthropic" | "openrouter" | "mova";
export type Operation = "chat" | "responses" | "messages" | "generate";

/** What was asked. */
export interface LlmRequest {
  readonly provider: Provider;
  readonly operation: Operation;
  readonly stream: boolean;
  readonly model?: string;
  /** The request's own content fields. Only where content is switched on. */
  readonly prompt?: unknown;
}

/** What is known of the answer; of a broken stream, what had arrived. Token counts are as the provider reports them. */
export interface LlmAnswer {
  readonly responseId?: string;
  readonly requestId?: string;
  /** As the provider names it, or `abandoned` where nobody read it to its end. */
  readonly finishReason?: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  /** Text only. Only where content is switched on. */
  readonly completion?: string;
}

/** Why there is no answer, without the words of the error. */
export interface LlmFailure {
  /** Class or code of the error. */
  readonly errorType: string;
  readonly httpStatus?: number;
  /** Only where content is switched on. */
  readonly errorMessage?: string;
}

interface LlmDuration {
  /** From the call to the end of the answer, with the library's own retries. */
  readonly durationMs: number;
}

export type LlmCompleted = Omit<LlmRequest, "prompt"> & LlmAnswer & LlmDuration;
export type LlmFailed = LlmCompleted & LlmFailure;

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "llm:started": LlmRequest;
    "llm:completed": LlmCompleted;
    "llm:failed": LlmFailed;
  }
}

export interface LlmStartedData {
  readonly provider: Provider;
  readonly operation: Operation;
  readonly stream: boolean;
  readonly model?: string;
  readonly prompt?: unknown;
}

export interface LlmCompletedData extends Omit<LlmStartedData, "prompt"> {
  readonly duration_ms: number;
  readonly response_id?: string;
  readonly request_id?: string;
  readonly finish_reason?: string;
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly total_tokens?: number;
  readonly completion?: string;
}

export interface LlmFailedData extends LlmCompletedData {
  readonly error_type: string;
  readonly http_status?: number;
  readonly error_message?: string;
}

/** The only fields that leave, under the names they leave with. */
const metadata = {
  provider: "provider",
  operation: "operation",
  stream: "stream",
  model: "model",
  durationMs: "duration_ms",
  responseId: "response_id",
  requestId: "request_id",
  finishReason: "finish_reason",
  inputTokens: "input_tokens",
  outputTokens: "output_tokens",
  totalTokens: "total_tokens",
  errorType: "error_type",
  httpStatus: "http_status",
} as const;

const content = { prompt: "prompt", completion: "completion", errorMessage: "error_message" } as const;

/** Copies the listed fields; content only where it is switched on, also from those who publish on the bus themselves. */
export function toData<Data>(happened: LlmRequest | LlmCompleted | LlmFailed, includeContent: boolean): Data {
  const data: Record<string, unknown> = {};
  const names = includeContent ? { ...metadata, ...content } : metadata;
  for (const [from, to] of Object.entries(names)) {
    const value: unknown = Reflect.get(happened, from);
    if (value !== undefined) data[to] = value;
  }
  return data as Data;
}
