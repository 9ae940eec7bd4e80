/** A deadline for a promise that may never settle. */
import { clearTimeout, setTimeout } from "./timers.ts";

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
