/** Follows what a call returned to its end, without changing what its caller sees of it. */

export interface ResultEnd {
  returned(value: unknown): void;
  threw(error: unknown): void;
}

/**
 * Tells how a call ends and returns what its caller gets: the very result, or in place of a plain promise its
 * continuation. Listening on the side would mark a rejection as handled, and one that the caller forgot would no longer
 * end the process. Any other thenable is left alone and its end not told: an SDK's may start its work in `then`.
 */
export function followResult(result: unknown, end: ResultEnd): unknown {
  if (isPlainPromise(result)) {
    return result.then(
      (value) => {
        end.returned(value);
        return value;
      },
      (error: unknown) => {
        end.threw(error);
        throw error;
      },
    );
  }
  if (!isThenable(result)) end.returned(result);
  return result;
}

function isPlainPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && Object.getPrototypeOf(value) === Promise.prototype;
}

function isThenable(value: unknown): boolean {
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "then") === "function";
}
