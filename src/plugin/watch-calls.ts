/** Lets a plugin see the calls of a method or function, while the caller notices nothing. */
import type { PluginHost } from "./plugin-host.ts";
import { type Callable, patchMethod } from "./patch.ts";

/** How a watched call ended. A promise that was returned counts when it settles; see `followResult` for which. */
export interface WatchedCall {
  returned?(value: unknown): void;
  threw?(error: unknown): void;
}

/**
 * Sees a call before it starts. Returns what wants to see its end, or undefined, and then the call goes through
 * untouched: return that first while `host.wants(topic)` is false. What it throws is logged and goes nowhere else.
 */
export type Watch = (args: readonly unknown[], self: unknown) => WatchedCall | undefined;

/** Finds the object that a call counts for; undefined where calls inside of calls are calls like any other. */
export type SubjectOf = (self: unknown, args: readonly unknown[]) => object | undefined;

/** The watched calls of one host that are on the stack. */
interface Running {
  /** What these call on themselves meanwhile is part of them. */
  readonly subjects: WeakSet<object>;
  depth: number;
}

const runningByHost = new WeakMap<PluginHost, Running>();

/** Watches the calls of a method. What the object calls on itself meanwhile is not seen again. */
export function watchMethod(owner: object, name: string, host: PluginHost, watch: Watch): boolean {
  const subjectOf: SubjectOf = (self) => (typeof self === "object" && self !== null ? self : owner);
  return patchMethod(owner, name, host, (original) => watchFunction(original, host, watch, subjectOf));
}

/**
 * Returns a Proxy of a function whose calls are seen: name, length, properties, `this`, result and error stay
 * the very same. With `subjectOf`, calls nested in one of the same subject are not seen.
 */
export function watchFunction<Fn extends Callable>(
  original: Fn,
  host: PluginHost,
  watch: Watch,
  subjectOf?: SubjectOf,
): Fn {
  const running = runningOf(host);
  return new Proxy(original, {
    apply(target, self: unknown, args: unknown[]): unknown {
      const subject = subjectOf?.(self, args);
      if (subject !== undefined && running.subjects.has(subject)) return Reflect.apply(target, self, args);
      const call = beginWatching(host, watch, args, self);
      if (call === undefined) return Reflect.apply(target, self, args);

      if (subject !== undefined) running.subjects.add(subject);
      running.depth += 1;
      let result: unknown;
      try {
        result = Reflect.apply(target, self, args);
      } catch (error) {
        tell(host, call, "threw", error);
        throw error;
      } finally {
        running.depth -= 1;
        if (subject !== undefined) running.subjects.delete(subject);
      }
      return followResult(result, {
        returned: (value) => tell(host, call, "returned", value),
        threw: (error) => tell(host, call, "threw", error),
      });
    },
  });
}

/** Tells whether a watched call of any object is on the stack: what happens now may be a part of it. */
export function isInsideWatchedCall(host: PluginHost): boolean {
  return runningOf(host).depth > 0;
}

function runningOf(host: PluginHost): Running {
  const known = runningByHost.get(host);
  if (known !== undefined) return known;
  const running = { subjects: new WeakSet<object>(), depth: 0 };
  runningByHost.set(host, running);
  return running;
}

function beginWatching(
  host: PluginHost,
  watch: Watch,
  args: readonly unknown[],
  self: unknown,
): WatchedCall | undefined {
  try {
    return watch(args, self);
  } catch (error) {
    logFailure(host, error);
    return undefined;
  }
}

function tell(host: PluginHost, call: WatchedCall, end: keyof WatchedCall, outcome: unknown): void {
  try {
    call[end]?.(outcome);
  } catch (error) {
    logFailure(host, error);
  }
}

/** Logs the class only: the message could quote the component's data. */
function logFailure(host: PluginHost, error: unknown): void {
  const errorType = error instanceof Error ? error.name : typeof error;
  host.log.warn({ error_type: errorType }, "watching a component failed; the component did not notice");
}

/** Hears how a call ended. */
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
