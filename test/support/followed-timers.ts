/**
 * Stands in for `src/time/timers.ts` in tests of timing: the functions of the moment, which the test's fake timers
 * replace. The package itself follows no such replacement.
 */
function following<Called>(find: () => Called): Called {
  return ((...given: never[]) => (find() as (...given: never[]) => unknown)(...given)) as Called;
}

export const setTimeout = following(() => globalThis.setTimeout);
export const clearTimeout = following(() => globalThis.clearTimeout);
export const setInterval = following(() => globalThis.setInterval);
export const clearInterval = following(() => globalThis.clearInterval);
export const setImmediate = following(() => globalThis.setImmediate);
export const nextTick = (run: (...given: never[]) => void, ...given: never[]): void =>
  process.nextTick(run, ...given);
export const monotonicNow = (): number => performance.now();
export const wallNow = (): number => Date.now();
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
