/**
 * The timer functions and the monotonic clock as they were when the package was loaded: what a test framework puts in
 * their place while a program is tested never holds up an outbox or a delivery.
 */
import * as timers from "node:timers";
import * as promises from "node:timers/promises";

export const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;

/** Resolves after so many milliseconds. */
export const sleep = promises.setTimeout;

/** Resolves once what waits in the event loop has had its turn. */
export const nextTurn = promises.setImmediate;

/** Milliseconds by a clock that nobody sets, for differences only. */
export const monotonicNow: () => number = performance.now.bind(performance);

export const nextTick: typeof process.nextTick = process.nextTick.bind(process);

/** Unix milliseconds by the clock of the moment, which a test framework may set for a while. */
export function wallNow(): number {
  return Date.now();
}
