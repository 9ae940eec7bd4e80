/** Receives webhooks on a `node:http` server. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type AnswerOptions, answerRequest, readUpTo } from "./answer.ts";
import type { WebhookReceiver } from "./receiver.ts";

export type { AnswerOptions } from "./answer.ts";

/** Makes a listener for `createServer`, or for a framework's raw request and response. */
export function nodeHandler(receiver: WebhookReceiver, options?: AnswerOptions) {
  return function receiveWebhook(request: IncomingMessage, response: ServerResponse): void {
    void answerRequest(
      receiver,
      {
        method: request.method ?? "",
        headers: request.headers,
        readBody: (maxBytes) => readNodeBody(request, maxBytes),
      },
      options,
    ).then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
  };
}

/** Leaves the stream open when it stops early: the answer still has to go out on the same connection. */
export async function readNodeBody(
  request: IncomingMessage & { body?: unknown },
  maxBytes: number,
): Promise<unknown> {
  // A body parser ran before: raw bytes and text are still good, anything else the receiver explains.
  if (request.readableDidRead || request.body instanceof Uint8Array) return request.body;
  return readUpTo(request.iterator({ destroyOnReturn: false }), maxBytes);
}
