/** Functions of the program that must answer at once: a promise of theirs, or a generator, says nothing, and what a promise rejects with ends nothing. */
import { types } from "node:util";
import { WebhookError } from "./errors.ts";

/** Returns what a function answered. Throws CONFIG_INVALID for a promise, whose rejection is nobody's, and for a generator, which has not begun. `what` names it. */
export function answeredAtOnce<Answer>(answer: Answer, what: string): Answer {
  const isGenerator = types.isGeneratorObject(answer);
  if (!isGenerator && !isPromise(answer)) return answer;
  ignoreRejection(answer);
  const [got, remedy] = isGenerator
    ? ["a generator", "Leave out the `*` behind `function`: `return` says what `yield` does not."]
    : ["a promise", "Leave out `async`: ask what takes time before the event is triggered."];
  throw new WebhookError(
    "CONFIG_INVALID",
    `Expected ${what} to be a function that answers at once, got ${got}`,
    { remedy },
  );
}

/** Also where it comes from another realm, or is an object with a `then` of its own. */
export function isPromise(value: unknown): boolean {
  if (types.isPromise(value)) return true;
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "then") === "function";
}

/** Does not call a `then` that is not a promise's own: that could begin the work which is refused. */
export function ignoreRejection(value: unknown, failed: (error: unknown) => void = () => undefined): void {
  if (types.isPromise(value)) void Promise.prototype.then.call(value, undefined, failed);
}
