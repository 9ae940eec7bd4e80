/** Receives webhooks on a route of Fastify 5: `app.register(fastifyWebhook(receiver), { path: "/webhook" })`. */
import type { FastifyPluginAsync } from "fastify";
import { type AnswerOptions, answerRequest } from "./answer.ts";
import { readNodeBody } from "./node.ts";
import { letAnswerArrive } from "./read-on.ts";
import { withoutLists } from "./received-headers.ts";
import type { WebhookReceiver } from "./receiver.ts";

export type { AnswerOptions } from "./answer.ts";

export interface FastifyWebhookOptions {
  readonly path: string;
}

const parsedRemedy =
  "Let no hook read the request before `fastifyWebhook`: disable the JSON body parser for this route, or have it keep the bytes as `request.rawBody`.";

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
        headers: withoutLists(request.headers),
        readBody: async (maxBytes: number) =>
          rawBodyOf(request) ?? readNodeBody(request.raw, reply.raw, maxBytes),
        isAnswered,
        parsedRemedy,
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

/** As `fastify-raw-body` leaves it. */
function rawBodyOf(request: object): unknown {
  const raw = "rawBody" in request ? request.rawBody : undefined;
  return raw instanceof Uint8Array || typeof raw === "string" ? raw : undefined;
}
