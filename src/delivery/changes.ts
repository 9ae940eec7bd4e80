/** Wakes whoever waits for work to end, each time any of it ends, to look whether theirs has. */
import { clearTimeout, monotonicNow, setTimeout } from "../time/timers.ts";

/** Longest wait before looking again: nobody tells what other processes do to a shared store. */
const longestWaitMs = 100;

export class Changes {
  readonly #waiters = new Set<() => void>();

  /** Says that something has ended. */
  happened(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  /** Resolves with true once the condition holds, with false when `deadlineMs` are over before. */
  async until(condition: () => boolean | Promise<boolean>, deadlineMs: number): Promise<boolean> {
    const deadline = monotonicNow() + deadlineMs;
    while (!(await condition())) {
      const leftMs = deadline - monotonicNow();
      if (leftMs <= 0) return false;
      await this.#next(Math.min(leftMs, longestWaitMs));
    }
    return true;
  }

  #next(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(finish, atMostMs);
      const waiters = this.#waiters;
      function finish(): void {
        clearTimeout(timer);
        waiters.delete(finish);
        resolve();
      }
      waiters.add(finish);
    });
  }
}
