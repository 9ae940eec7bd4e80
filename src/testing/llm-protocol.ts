/** What OpenAI's and Anthropic's servers say, whole and in pieces, in the least form their libraries read. */

export type LlmProtocol = "chat" | "responses" | "messages";

export interface LlmReply {
  readonly id: string;
  readonly model: string;
  readonly text: string;
}

/** One server-sent event. */
export interface StreamPiece {
  readonly event?: string;
  readonly data: string;
}

/** The counts every answer reports. */
const tokens = { input: 12, output: 7 } as const;

export function protocolOf(path: string): LlmProtocol | undefined {
  if (path.endsWith("/chat/completions")) return "chat";
  if (path.endsWith("/responses")) return "responses";
  if (path.endsWith("/messages")) return "messages";
  return undefined;
}

export function wholeAnswer(protocol: LlmProtocol, reply: LlmReply): object {
  if (protocol === "responses") return responseObject(reply, "completed");
  if (protocol === "messages")
    return { ...messageObject(reply), content: [{ type: "text", text: reply.text }] };
  return {
    ...chatObject(reply, "chat.completion"),
    choices: [{ index: 0, message: { role: "assistant", content: reply.text }, finish_reason: "stop" }],
    usage: chatUsage,
  };
}

export function streamOf(protocol: LlmProtocol, reply: LlmReply): readonly StreamPiece[] {
  if (protocol === "responses") return responseStream(reply);
  if (protocol === "messages") return messageStream(reply);
  return chatStream(reply);
}

export function failureBody(protocol: LlmProtocol, message: string): object {
  if (protocol === "messages") return { type: "error", error: { type: "api_error", message } };
  return { error: { message, type: "server_error", code: null, param: null } };
}

const chatUsage = {
  prompt_tokens: tokens.input,
  completion_tokens: tokens.output,
  total_tokens: tokens.input + tokens.output,
};

function words(reply: LlmReply): string[] {
  return reply.text.match(/\S+\s*/g) ?? [];
}

function named(event: { readonly type: string }): StreamPiece {
  return { event: event.type, data: JSON.stringify(event) };
}

function chatObject({ id, model }: LlmReply, object: string): object {
  return { id: `chatcmpl-${id}`, object, created: 1_700_000_000, model };
}

/** The last piece carries the usage, as with `stream_options: { include_usage: true }`. */
function chatStream(reply: LlmReply): StreamPiece[] {
  const piece = (rest: object): StreamPiece => ({
    data: JSON.stringify({ ...chatObject(reply, "chat.completion.chunk"), ...rest }),
  });
  const choice = (delta: object, finish_reason: string | null = null): StreamPiece =>
    piece({ choices: [{ index: 0, delta, finish_reason }] });
  return [
    choice({ role: "assistant", content: "" }),
    ...words(reply).map((content) => choice({ content })),
    choice({}, "stop"),
    piece({ choices: [], usage: chatUsage }),
    { data: "[DONE]" },
  ];
}

function responseObject({ id, model, text }: LlmReply, status: "completed" | "in_progress"): object {
  const base = { id: `resp_${id}`, object: "response", created_at: 1_700_000_000, model, status };
  if (status === "in_progress") return { ...base, output: [] };
  const content = [{ type: "output_text", text, annotations: [] }];
  return {
    ...base,
    output: [{ id: `msg_${id}`, type: "message", role: "assistant", status, content }],
    usage: {
      input_tokens: tokens.input,
      output_tokens: tokens.output,
      total_tokens: tokens.input + tokens.output,
    },
  };
}

function responseStream(reply: LlmReply): StreamPiece[] {
  const place = { item_id: `msg_${reply.id}`, output_index: 0, content_index: 0 };
  const item = { id: place.item_id, type: "message", role: "assistant", status: "in_progress", content: [] };
  const part = { type: "output_text", text: "", annotations: [] };
  return [
    { type: "response.created", response: responseObject(reply, "in_progress") },
    { type: "response.output_item.added", output_index: 0, item },
    { type: "response.content_part.added", ...place, part },
    ...words(reply).map((delta) => ({ type: "response.output_text.delta", ...place, delta })),
    { type: "response.completed", response: responseObject(reply, "completed") },
  ].map(named);
}

function messageObject({ id, model }: LlmReply): object {
  return {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: tokens.input, output_tokens: tokens.output },
  };
}

function messageStream(reply: LlmReply): StreamPiece[] {
  const usage = { input_tokens: tokens.input, output_tokens: 1 };
  return [
    { type: "message_start", message: { ...messageObject(reply), stop_reason: null, usage } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    ...words(reply).map((text) => ({
      type: "content_block_delta",
      index: 0,
      delta: { type: "text_delta", text },
    })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: tokens.output },
    },
    { type: "message_stop" },
  ].map(named);
}
