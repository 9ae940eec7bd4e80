/** Refusals that every store makes in the same words. */
import { WebhookError } from "../event/errors.ts";

/** `title` names the store, such as `SQLite`. */
export function closed(title: string): WebhookError {
  return new WebhookError("CLOSED", `The ${title} outbox was closed`);
}

export function full(title: string, held: number, maxDeliveries: number): WebhookError {
  return new WebhookError("OUTBOX_FULL", `The ${title} outbox holds ${held} of ${maxDeliveries} deliveries`);
}
