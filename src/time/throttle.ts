/** Holds back lines about what may happen thousands of times a second; each tells how many came since the last. */

/**
 * `intervalMs` is the shortest time between two lines with the same key. The function returns how many have come since
 * the last line, or 0 while it is too early for the next.
 */
export function throttle(now: () => number, intervalMs = 10_000): (key: string, count: number) => number {
  const states = new Map<string, { writtenAt: number; held: number }>();
  return (key, count) => {
    const state = states.get(key);
    if (state === undefined) {
      states.set(key, { writtenAt: now(), held: 0 });
      return count;
    }
    state.held += count;
    if (now() - state.writtenAt < intervalMs) return 0;
    const { held } = state;
    state.writtenAt = now();
    state.held = 0;
    return held;
  };
}
