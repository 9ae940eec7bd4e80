/** What an `error.occurred` event tells of an error: its class and message, never its stack. */
import { types } from "node:util";
import { cutText } from "./cut-text.ts";

export interface ErrorDescription {
  readonly error_type: string;
  readonly error_message: string;
}

const maxMessageLength = 2_000;

/**
 * Tells what a program may publish of its own error. Not for logs: see `discreetError`.
 *
 * Prefers the class to a `name` that nobody set. What is not an error has no message; only a thrown text is one.
 */
export function describeErrorWithMessage(happened: unknown): ErrorDescription {
  try {
    return describe(happened);
  } catch {
    // Its own getters throw.
    return { error_type: "Error", error_message: "an error that cannot be read" };
  }
}

function describe(happened: unknown): ErrorDescription {
  if (!isError(happened)) {
    const message = typeof happened === "string" ? happened : `a thrown ${typeof happened}`;
    return { error_type: typeof happened, error_message: cutText(message, maxMessageLength) };
  }
  const inherited =
    !Object.hasOwn(happened, "name") && !Object.hasOwn(happened.constructor.prototype, "name");
  return {
    error_type: inherited ? happened.constructor.name : happened.name,
    error_message: cutText(String(happened.message), maxMessageLength),
  };
}

/** Also one of another realm, such as that of a test. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}
