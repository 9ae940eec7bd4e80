/** What is due: which endpoints a worker can claim for now, when the next one comes, and who is served first. */
import type { Due, EndpointCounts } from "./outbox.ts";

/** One endpoint and when the pending delivery that is due longest is or was due; nothing where none waits. */
export type Earliest = readonly [endpointId: string, dueAt: number | undefined];

export function dueAmong(endpoints: Iterable<Earliest>, now: number): Due {
  const endpointIds: string[] = [];
  let nextAt = Number.POSITIVE_INFINITY;
  for (const [endpointId, dueAt] of endpoints) {
    if (dueAt === undefined) continue;
    if (dueAt <= now) endpointIds.push(endpointId);
    else nextAt = Math.min(nextAt, dueAt);
  }
  return Number.isFinite(nextAt) ? { endpointIds, nextAt } : { endpointIds };
}

/** Adds since when something is due, where anything is. */
export function withOldestDue(
  counts: Omit<EndpointCounts, "oldestDueAt">,
  earliestDueAt: number | null | undefined,
  now: number,
): EndpointCounts {
  const isDue = earliestDueAt !== null && earliestDueAt !== undefined && earliestDueAt <= now;
  return isDue ? { ...counts, oldestDueAt: earliestDueAt } : counts;
}

interface Waiting {
  readonly dueAt: number;
  /** Position in the order of storing. */
  readonly sequence: number;
}

/** Orders claims, longest due first, equal due times in the order they were stored. */
export function byDueTime(left: Waiting, right: Waiting): number {
  return left.dueAt - right.dueAt || left.sequence - right.sequence;
}

/**
 * Returns how much of a claim is kept for first attempts, so that neither they nor retries starve the other: half of
 * the limit. The odd one belongs to first attempts on even turns and to retries on odd turns, so that claims of one at
 * a time alternate. What one side cannot use goes to the other.
 */
export function shareOfFirstAttempts(limit: number, turn: number): number {
  return turn % 2 === 0 ? Math.ceil(limit / 2) : Math.floor(limit / 2);
}
