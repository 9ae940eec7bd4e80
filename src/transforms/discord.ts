/** Discord's webhooks: `{ content }`, which mentions nobody. */
import type { TransformedEvent } from "../event/sending-settings.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";
import { check } from "../settings/check.ts";
import { chat } from "../settings/transforms.ts";
import { type Text, textOf } from "./event-text.ts";

/** Discord refuses longer messages. */
const maxLength = 2000;

/** `text` writes the message in Discord's markup itself. */
export function discord(options: { readonly text?: Text } = {}) {
  const { text } = check("`discord()`", chat, options);
  return function toDiscord(event: WebhookEvent): TransformedEvent {
    const content = text?.(event) ?? textOf(event, "**", maxLength, keepFenced);
    return { body: { content, allowed_mentions: { parse: [] } } };
  };
}

/** A fence in the data would end ours: a zero-width space takes it apart. */
function keepFenced(text: string): string {
  return text.replaceAll("```", "`\u200b`\u200b`");
}
