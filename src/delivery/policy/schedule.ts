/** When the attempts of a delivery that never succeeds would be made, at the earliest and at the latest. */
import type { Endpoint } from "../../event/endpoint.ts";
import { retryDelayMs } from "./retry.ts";

/** Times are milliseconds from the acceptance of the event. */
export interface PlannedAttempt {
  readonly attempt: number;
  /** Where every attempt before failed at once, and every wait was as short as chance makes it. */
  readonly earliestMs: number;
  /** Where every attempt before took its whole timeout, and every wait was as long as chance makes it. */
  readonly latestMs: number;
}

/**
 * Plans every attempt there can be. What is not planned comes on top: `Retry-After`, the wait after a 429, a rate limit, a
 * queue before it, and the time behind an open circuit or while the endpoint is switched off.
 */
export function scheduleOf(
  endpoint: Pick<Endpoint, "retries" | "retryScheduleMs" | "timeoutMs">,
): readonly PlannedAttempt[] {
  const { retries, retryScheduleMs, timeoutMs } = endpoint;
  const planned: PlannedAttempt[] = [{ attempt: 1, earliestMs: 0, latestMs: 0 }];
  let [earliestMs, latestMs] = [0, 0];
  for (let retry = 1; retry <= retries; retry += 1) {
    earliestMs += retryDelayMs(retry, retryScheduleMs, () => 0);
    latestMs += timeoutMs + retryDelayMs(retry, retryScheduleMs, () => 1);
    planned.push({ attempt: retry + 1, earliestMs, latestMs });
  }
  return planned;
}

/** The longest that a delivery waits for its next attempt, where the receiver does not ask for more. */
export function longestWaitMs(
  endpoint: Pick<Endpoint, "retries" | "retryScheduleMs" | "throttledWaitMs">,
): number {
  const { retries, retryScheduleMs, throttledWaitMs = 0 } = endpoint;
  const waits = Array.from({ length: retries }, (_, index) =>
    retryDelayMs(index + 1, retryScheduleMs, () => 1),
  );
  return Math.max(1.1 * throttledWaitMs, ...waits);
}

/** Writes a schedule for people, a line for each attempt. */
export function printSchedule(schedule: readonly PlannedAttempt[]): string {
  const lines = schedule.map(({ attempt, earliestMs, latestMs }) => {
    const when = latestMs === 0 ? "at once" : `after ${duration(earliestMs)} to ${duration(latestMs)}`;
    return `attempt ${attempt}  ${when}`;
  });
  return lines.join("\n");
}

const units: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
];

/** The two largest units that say anything: `1 h 30 min`, `2 min 5 s`, `0.5 s`. */
function duration(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [name, unitMs] of units) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  const seconds = parts.length > 0 ? Math.floor(rest / 1000) : Math.round(rest / 10) / 100;
  if (seconds > 0 || parts.length === 0) parts.push(`${seconds} s`);
  return parts.slice(0, 2).join(" ");
}
