/** What a store does again and again while it is open: renewing leases, looking for the dead, pruning. */
import { clearInterval, setInterval } from "../time/timers.ts";

/** Calls a task again and again; returns a function that ends that. */
export type Ticker = (intervalMs: number, task: () => void) => () => void;

/** Ticks keep no process alive. */
export const everyInterval: Ticker = (intervalMs, task) => {
  const timer = setInterval(task, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};
