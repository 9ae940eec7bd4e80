/** Receives webhooks on a route of Express 4 or 5: `app.post("/webhook", expressHandler(receiver))`. */

/** Place it before `express.json()`, which leaves no raw body; after `express.raw()` or `express.text()` it works too. */
export { type AnswerOptions, nodeHandler as expressHandler } from "./node.ts";
