/** An event in words, for a chat: its type as a headline, its data as JSON below. */
import { cutText } from "../event/cut-text.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";

/** Writes the text of a chat message, in the chat's own markup. */
export type Text = (event: WebhookEvent) => string;

/** Cuts the escaped data so that the whole has at most `maxLength` characters. */
export function textOf(
  { event_type, data }: WebhookEvent,
  bold: string,
  maxLength: number,
  escape: (text: string) => string,
): string {
  const json = JSON.stringify(data, undefined, 2);
  const frame = `${bold}${event_type}${bold}\n\`\`\`\n`;
  const room = maxLength - frame.length - "\n```".length;
  return `${frame}${cutText(escape(json), room)}\n\`\`\``;
}
