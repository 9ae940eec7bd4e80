/** Tells this package's own work from the program's: what happens inside delivery must never become an event. */
import { AsyncLocalStorage } from "node:async_hooks";

/** One for all managers of a process: two that watch each other's work would go on for ever. */
const inside = new AsyncLocalStorage<true>();

/** Runs our own work, and marks all that it starts and waits for. */
export function asOwnWork<Result>(run: () => Result): Result {
  return inside.run(true, run);
}

/** Tells whether the current code was started by our own work, by an event handler or a filter included. */
export function isOwnWork(): boolean {
  return inside.getStore() === true;
}
