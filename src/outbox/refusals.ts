/** Refusals that every store makes in the same words. */
import { WebhookError } from "../event/errors.ts";

/** `title` names the store, such as `SQLite`. */
export function closed(title: string): WebhookError {
  return new WebhookError("CLOSED", `The ${title} outbox was closed`);
}

/** The disk, not a setting, is what is full; `file` names the store's file. */
export function diskFull(title: string, file: string): WebhookError {
  return new WebhookError(
    "OUTBOX_FULL",
    `The ${title} outbox ${file} has no room for more: the disk is full`,
    {
      remedy: "Make room on the disk. What is stored is delivered meanwhile.",
    },
  );
}

export function full(title: string, held: number, maxDeliveries: number): WebhookError {
  return new WebhookError("OUTBOX_FULL", `The ${title} outbox holds ${held} of ${maxDeliveries} deliveries`);
}
