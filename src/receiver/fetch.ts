/** Receives webhooks as a fetch-style handler, `Request` → `Response`: Deno, Bun, Next.js and others. */
import { type AnswerOptions, answerRequest, readUpTo } from "./answer.ts";
import type { WebhookReceiver } from "./receiver.ts";

export type { AnswerOptions } from "./answer.ts";

export function fetchHandler(receiver: WebhookReceiver, options?: AnswerOptions) {
  return async function receiveWebhook(request: Request): Promise<Response> {
    const incoming = {
      method: request.method,
      headers: request.headers,
      readBody: (maxBytes: number) => readFetchBody(request, maxBytes),
    };
    const { status, headers, body } = await answerRequest(receiver, incoming, options);
    return new Response(body, { status, headers });
  };
}

async function readFetchBody(request: Request, maxBytes: number): Promise<unknown> {
  if (request.bodyUsed) return undefined;
  return request.body === null ? Buffer.alloc(0) : readUpTo(request.body, maxBytes);
}
