/** Checks of single endpoint settings, with messages that say what was expected and what came. */
import { WebhookError } from "./errors.ts";

export function whole(id: string, name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(id, name, `a whole number from ${min} to ${max}`, value);
}

export function between(
  id: string,
  name: string,
  value: number,
  min: number,
  max: number,
  unit = "",
): number {
  if (typeof value === "number" && value >= min && value <= max) return value;
  throw invalid(id, name, `${unit}from ${min} to ${max}`, value);
}

export function invalid(id: string, name: string, expected: string, got: unknown): WebhookError {
  return new WebhookError(
    "ENDPOINT_INVALID",
    `Expected \`${name}\` of endpoint \`${id}\` to be ${expected}, got \`${String(got)}\``,
  );
}
