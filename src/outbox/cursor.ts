/** Cursors as callers bring them back, where anything may stand in them. */
import { WebhookError } from "../event/errors.ts";

/** Reads `<created at>.<sequence>`. Throws CONFIG_INVALID for any other text. */
export function readCursor(cursor: string): { readonly createdAt: number; readonly sequence: number } {
  const [, createdAt, sequence] = /^(-?\d+(?:\.\d+)?)\.(\d+)$/.exec(cursor) ?? [];
  if (createdAt === undefined || sequence === undefined) throw cursorInvalid();
  return { createdAt: Number(createdAt), sequence: Number(sequence) };
}

export function cursorInvalid(): WebhookError {
  return new WebhookError("CONFIG_INVALID", "The `cursor` is not one that a page of this outbox gave", {
    remedy: "Give the `cursor` of the page before, or none for the first page.",
  });
}
