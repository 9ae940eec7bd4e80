/** The options of the transforms. */
import type { WebhookEvent } from "../event/webhook-event.ts";
import { object } from "./composed.ts";
import { callable, text } from "./kinds.ts";

interface CloudEventsOptions {
  readonly source?: string;
  readonly typePrefix?: string;
}

export const cloudEvents = object<CloudEventsOptions>({
  source: text("a text that is a URI reference"),
  typePrefix: text("a text", { pattern: /^/ }),
});

export const chat = object<{ readonly text?: (event: WebhookEvent) => string }>({
  text: callable("a function that writes the message"),
});
