/** Waiting for what real I/O brings about. */
import { setTimeout as sleep } from "node:timers/promises";

/** Looks at a condition every `everyMs` until it holds, and rejects where it does not in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
  everyMs = 5,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`Expected within ${timeoutMs} ms: ${String(condition)}`);
    await sleep(everyMs);
  }
}
