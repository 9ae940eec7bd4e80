/** Receives webhooks on a route of Hono: `app.post("/webhook", honoHandler(receiver))`. */
import type { Context } from "hono";
import { type AnswerOptions, fetchHandler } from "./fetch.ts";
import type { WebhookReceiver } from "./receiver.ts";

export type { AnswerOptions } from "./answer.ts";

export function honoHandler(receiver: WebhookReceiver, options?: AnswerOptions) {
  const receiveWebhook = fetchHandler(receiver, options);
  // The raw request: Hono's own `c.req.arrayBuffer()` writes a body anew that a middleware has read as JSON.
  return (c: Context): Promise<Response> => receiveWebhook(c.req.raw);
}
