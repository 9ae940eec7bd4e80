/** Refusals that every store makes in the same words. */
import { WebhookError } from "../event/errors.ts";

/** `title` names the store, such as `SQLite`. */
export function closed(title: string): WebhookError {
  return new WebhookError("CLOSED", `The ${title} outbox was closed`);
}

const noRoom = "ENOSPC";

/** The disk, not a setting, is what is full; `file` names the store's file. */
export function diskFull(title: string, file: string): WebhookError {
  const detail = `The ${title} outbox ${file} has no room for more: the disk is full`;
  const remedy = "Make room on the disk. What is stored is delivered meanwhile.";
  const cause = Object.assign(new Error("no room"), { code: noRoom });
  return new WebhookError("OUTBOX_UNAVAILABLE", detail, { remedy, cause });
}

/** Tells whether a store only takes no more: what it holds can be delivered, which makes room. */
export function isWellButFull(error: unknown): boolean {
  if (!WebhookError.is(error)) return false;
  return error.code === "OUTBOX_FULL" || Reflect.get(Object(error.cause), "code") === noRoom;
}

/** Says that a store cannot join a transaction of the caller's. */
export function noTransactions(title: string): WebhookError {
  return new WebhookError(
    "TRANSACTION_UNSUPPORTED",
    `The ${title} outbox cannot store within a transaction of yours`,
  );
}

export function full(title: string, held: number, maxDeliveries: number): WebhookError {
  return new WebhookError("OUTBOX_FULL", `The ${title} outbox holds ${held} of ${maxDeliveries} deliveries`);
}
