/** Waits until a condition holds, which is looked at again whenever some work has ended. */
import { EventEmitter } from "node:events";
import { clearTimeout, setTimeout } from "../time/timers.ts";
import { countdown, withDeadline } from "../time/deadline.ts";

/** Longest wait before looking again: nobody tells what other processes do to a shared store. */
const longestWaitMs = 100;

/** Emits `change` when something has ended. */
export class Changes extends EventEmitter<{ change: [] }> {
  /** Resolves with true once the condition holds, with false when `deadlineMs` are over before. */
  async until(condition: () => boolean | Promise<boolean>, deadlineMs: number): Promise<boolean> {
    const leftMs = countdown(deadlineMs);
    for (;;) {
      const holds = condition();
      // Whoever must be asked may be stuck.
      if (holds === true || (holds !== false && (await withDeadline(holds, leftMs(), () => false))))
        return true;
      if (leftMs() === 0) return false;
      await this.#next(Math.min(leftMs(), longestWaitMs));
    }
  }

  #next(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.off("change", finish);
        resolve();
      };
      const timer = setTimeout(finish, atMostMs);
      this.on("change", finish);
    });
  }
}
