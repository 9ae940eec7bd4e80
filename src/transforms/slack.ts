/** Slack's incoming webhooks: `{ text }`. */
import type { TransformedEvent } from "../event/sending-settings.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";
import { check } from "../settings/check.ts";
import { chat } from "../settings/transforms.ts";
import { type Text, textOf } from "./event-text.ts";

/** Slack advises to stay below it; it cuts at 40,000. */
const maxLength = 4000;

/** `text` writes the message in Slack's markup itself; what it takes from the data, it must escape. */
export function slack(options: { readonly text?: Text } = {}) {
  const { text } = check("`slack()`", chat, options);
  return function toSlack(event: WebhookEvent): TransformedEvent {
    return { body: { text: text?.(event) ?? textOf(event, "*", maxLength, escape) } };
  };
}

/** Slack's three control characters: without them no data can mention a channel or make a link. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
