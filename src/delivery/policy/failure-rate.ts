/**
 * The share of attempts that failed within a window of time: pure.
 *
 * Counted in slices of a tenth of the window, so that a busy endpoint costs no more memory than a quiet one.
 */

export interface RateSettings {
  /** The share of failures at which it is too much, above 0 to 1. */
  readonly failureRate: number;
  readonly windowMs: number;
  /** Attempts in the window below which nothing is said. */
  readonly minimum: number;
}

export interface Slice {
  /** When it began; milliseconds from any beginning. */
  readonly since: number;
  readonly attempts: number;
  readonly failures: number;
}

const slicesInWindow = 10;

/** Counts an attempt that ended at `now`, and forgets what is older than the window. Oldest first. */
export function countAttempt(
  slices: readonly Slice[],
  failed: boolean,
  { windowMs }: RateSettings,
  now: number,
): readonly Slice[] {
  const kept = slices.filter(({ since }) => now - since < windowMs);
  const last = kept.at(-1);
  const failures = failed ? 1 : 0;
  if (last === undefined || now - last.since >= windowMs / slicesInWindow) {
    return [...kept, { since: now, attempts: 1, failures }];
  }
  const grown = { since: last.since, attempts: last.attempts + 1, failures: last.failures + failures };
  return [...kept.slice(0, -1), grown];
}

/** Returns the share of failures where it is too much. */
export function excessiveRate(slices: readonly Slice[], settings: RateSettings): number | undefined {
  let attempts = 0;
  let failures = 0;
  for (const slice of slices) {
    attempts += slice.attempts;
    failures += slice.failures;
  }
  const rate = failures / attempts;
  return attempts >= settings.minimum && rate >= settings.failureRate ? rate : undefined;
}
