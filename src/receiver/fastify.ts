/** Receives webhooks on a route of Fastify 5: `app.register(fastifyWebhook(receiver), { path: "/webhook" })`. */
import type { FastifyPluginAsync } from "fastify";
import { type AnswerOptions, answerRequest } from "./answer.ts";
import { readNodeBody } from "./node.ts";
import { letAnswerArrive } from "./read-on.ts";
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
    app.addHook("onRequest", (request, reply, done) => {
      letAnswerArrive(request.raw, reply.raw);
      done();
    });
    app.post(path, async function receiveWebhook(request, reply) {
      const isAnswered = (): boolean => reply.sent || reply.raw.headersSent || reply.raw.destroyed;
      const incoming = {
        method: request.method,
        headers: request.headers,
        readBody: (maxBytes: number) => readNodeBody(request.raw, reply.raw, maxBytes),
        isAnswered,
      };
      const answer = await answerRequest(receiver, incoming, options);
      if (answer === undefined || isAnswered()) {
        // Nothing is left to say, which Fastify would take for a forgotten answer.
        if (!reply.sent) reply.hijack();
        return reply;
      }
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    });
  };
}
