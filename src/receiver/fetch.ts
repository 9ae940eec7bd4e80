/** Receives webhooks as a fetch-style handler, `Request` → `Response`: Deno, Bun, Next.js and others. */
import { type Answer, type AnswerOptions, answerRequest } from "./answer.ts";
import { FetchBody } from "./body-reader.ts";
import { readOnBounds } from "./read-on.ts";
import type { WebhookReceiver } from "./receiver.ts";
import { withDeadline } from "../time/deadline.ts";

export type { AnswerOptions } from "./answer.ts";

const parsedRemedy =
  "Let nothing read the request before the handler: disable the JSON body parser for this route, or have it read `request.clone()`.";

export function fetchHandler(receiver: WebhookReceiver, options?: AnswerOptions) {
  return async function receiveWebhook(request: Request): Promise<Response> {
    const wasRead = request.bodyUsed || request.body?.locked === true;
    const body = new FetchBody(request);
    const incoming = {
      method: request.method,
      headers: request.headers,
      readBody: async (maxBytes: number) => (wasRead ? undefined : body.read(maxBytes)),
      parsedRemedy,
    };
    const answer = await answerRequest(receiver, incoming, options);
    // Nobody else can answer here.
    if (answer === undefined) return new Response(null, { status: 500 });
    const { status, headers } = answer;
    if (body.over) return new Response(answer.body, { status, headers });
    const willBeRead = !(Number(request.headers.get("content-length")) > readOnBounds.bytes);
    const unread = willBeRead ? headers : { ...headers, connection: "close" };
    return new Response(answerThenRead(answer, body), { status, headers: unread });
  };
}

/** The answer is there at once and ends when the rest of the body was read: see `letAnswerArrive`. */
function answerThenRead({ body: text }: Answer, body: FetchBody): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(text));
      const skipped = body.skip(readOnBounds.bytes);
      void withDeadline(skipped, readOnBounds.milliseconds, () => undefined).then(() => {
        try {
          controller.close();
        } catch {
          // The client is gone, and the stream cancelled.
        }
        body.stop();
      });
    },
    cancel() {
      body.stop();
    },
  });
}
