/** Receives webhooks on a `node:http` server. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type AnswerOptions, answerRequest } from "./answer.ts";
import { readStream } from "./body-reader.ts";
import { letAnswerArrive } from "./read-on.ts";
import { withoutLists } from "./received-headers.ts";
import type { WebhookReceiver } from "./receiver.ts";

export type { AnswerOptions } from "./answer.ts";

const parsedRemedy =
  "Let nothing read the request before `nodeHandler`: disable the JSON body parser for this route, or have it keep the bytes as `request.rawBody`.";

/** Makes a listener for `createServer`, or for a framework's raw request and response. */
export function nodeHandler(receiver: WebhookReceiver, options?: AnswerOptions) {
  return createListener(receiver, options, parsedRemedy);
}

export function createListener(
  receiver: WebhookReceiver,
  options: AnswerOptions | undefined,
  remedy: string,
) {
  return function receiveWebhook(request: IncomingMessage, response: ServerResponse): void {
    letAnswerArrive(request, response);
    response.on("error", ignore);
    const isAnswered = (): boolean => response.headersSent || response.writableEnded || response.destroyed;
    void answerRequest(
      receiver,
      {
        method: request.method ?? "",
        headers: withoutLists(request.headers),
        readBody: (maxBytes) => readNodeBody(request, response, maxBytes),
        isAnswered,
        parsedRemedy: remedy,
      },
      options,
    ).then((answer) => {
      if (answer === undefined || isAnswered()) return;
      try {
        response.writeHead(answer.status, answer.headers).end(answer.body);
      } catch {
        // What else writes to this response has made it unusable.
        response.destroy();
      }
    });
  };
}

/** Leaves the stream open when it stops early: the answer still has to go out on the same connection. */
export async function readNodeBody(
  request: IncomingMessage & { body?: unknown; rawBody?: unknown },
  response: ServerResponse,
  maxBytes: number,
): Promise<unknown> {
  // What some parsers, and some clouds, keep beside what they parsed.
  if (request.rawBody instanceof Uint8Array || typeof request.rawBody === "string") return request.rawBody;
  // A body parser ran before: raw bytes and text are still good, anything else the receiver explains.
  if (request.readableDidRead || request.body instanceof Uint8Array) return request.body;
  if (awaitsContinue(response)) response.writeContinue();
  return readStream(request, maxBytes);
}

/**
 * Tells whether the client waits for a `100 Continue`: Node sends it before any listener runs, unless the server has a
 * listener for `checkContinue`, such as this one.
 */
function awaitsContinue(response: ServerResponse): boolean {
  const { _expect_continue: asked, _sent100: sent } = response as {
    _expect_continue?: boolean;
    _sent100?: boolean;
  };
  return asked === true && sent === false;
}

function ignore(): void {}
