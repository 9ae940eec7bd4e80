/** Where a delivery stands among the others by age, and the cursors that name such a place to callers. */
import { WebhookError } from "../event/errors.ts";

/** By the acceptance of its event, then by the order of storing. */
export interface Position {
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly sequence: number;
}

/** Orders by age, oldest first. */
export function byAge(left: Position, right: Position): number {
  return left.createdAt - right.createdAt || left.sequence - right.sequence;
}

export function isOlder(left: Position, right: Position): boolean {
  return (
    left.createdAt < right.createdAt || (left.createdAt === right.createdAt && left.sequence < right.sequence)
  );
}

/** Writes `<created at>.<sequence>`, which names the place behind a delivery. */
export function writeCursor({ createdAt, sequence }: Position): string {
  return `${createdAt}.${sequence}`;
}

/** Reads what `writeCursor` wrote and a caller brought back. Throws CONFIG_INVALID for any other text. */
export function readCursor(cursor: string): Position {
  const [, createdAt, sequence] = /^(-?\d+(?:\.\d+)?)\.(\d+)$/.exec(cursor) ?? [];
  if (createdAt === undefined || sequence === undefined) throw cursorInvalid();
  return { createdAt: Number(createdAt), sequence: Number(sequence) };
}

export function cursorInvalid(): WebhookError {
  return new WebhookError("CONFIG_INVALID", "The `cursor` is not one that a page of this outbox gave", {
    remedy: "Give the `cursor` of the page before, or none for the first page.",
  });
}
