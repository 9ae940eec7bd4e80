/** Receives webhooks on a route of Express 4 or 5: `app.post("/webhook", expressHandler(receiver))`. */
import type { AnswerOptions } from "./answer.ts";
import { createListener } from "./node.ts";
import type { WebhookReceiver } from "./receiver.ts";

export type { AnswerOptions } from "./answer.ts";

const parsedRemedy =
  "Place `expressHandler` before `express.json()`, disable the JSON body parser for this route, or have it keep the bytes: `express.json({ verify: (request, _, bytes) => { request.rawBody = bytes; } })`.";

/** Place it before `express.json()`, which leaves no raw body; after `express.raw()` or `express.text()` it works too. */
export function expressHandler(receiver: WebhookReceiver, options?: AnswerOptions) {
  return createListener(receiver, options, parsedRemedy);
}
