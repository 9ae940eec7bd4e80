/** A deadline for a promise that may never settle. */
import { clearTimeout, monotonicNow, setTimeout } from "./timers.ts";

/** Returns a function that tells how many of `ms` are left, never fewer than 0. */
export function countdown(ms: number): () => number {
  const startedAt = monotonicNow();
  return () => Math.max(0, ms - (monotonicNow() - startedAt));
}

/** Node's timers run at once where they are asked for more: 24.8 days. */
const longestMs = 2 ** 31 - 1;

/**
 * Settles as `promise` does, or after `ms` with what `whenLate` returns or throws. Holds the process open until then.
 * What becomes of the promise after that, a rejection too, is ignored.
 */
export async function withDeadline<Result, Late>(
  promise: Promise<Result>,
  ms: number,
  whenLate: () => Late,
): Promise<Result | Late> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, longestMs));
  }).then(whenLate);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
