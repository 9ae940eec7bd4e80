/** Receives webhooks on a route of Fastify 5: `app.register(fastifyWebhook(receiver), { path: "/webhook" })`. */
import type { FastifyPluginAsync } from "fastify";
import { type AnswerOptions, answerRequest } from "./answer.ts";
import { readNodeBody } from "./node.ts";
import type { WebhookReceiver } from "./receiver.ts";

export type { AnswerOptions } from "./answer.ts";

export interface FastifyWebhookOptions {
  readonly path: string;
}

/** Makes a plugin with its own body parser, which leaves the body raw on this route and on no other. */
export function fastifyWebhook(
  receiver: WebhookReceiver,
  options?: AnswerOptions,
): FastifyPluginAsync<FastifyWebhookOptions> {
  return async function webhookPlugin(app, { path }) {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    app.post(path, async function receiveWebhook(request, reply) {
      const incoming = {
        method: request.method,
        headers: request.headers,
        readBody: (maxBytes: number) => readNodeBody(request.raw, maxBytes),
      };
      const { status, headers, body } = await answerRequest(receiver, incoming, options);
      return reply.code(status).headers(headers).send(body);
    });
  };
}
