/** Lets a plugin see the calls of a method or function, while the caller notices nothing. */
import type { PluginHost } from "./contract.ts";
import { followResult } from "./follow-result.ts";

type Callable = (...args: never) => unknown;

/** How a watched call ended. A promise that was returned counts when it settles; see `followResult` for which. */
export interface WatchedCall {
  returned?(value: unknown): void;
  threw?(error: unknown): void;
}

/**
 * Sees a call before it starts; answers what wants to see its end, or undefined, and then the call goes through
 * untouched: answer that first while `host.wants(topic)` is false. What it throws is logged and goes nowhere else.
 */
export type Watch = (args: readonly unknown[], self: unknown) => WatchedCall | undefined;

/** Functions we made, and for which hosts: what makes patching an instance and its prototype count once. */
const patchedFor = new WeakMap<object, ReadonlySet<PluginHost>>();

/** Objects whose watched call is on the stack: what they call on themselves meanwhile is part of it. */
const busyByHost = new WeakMap<PluginHost, WeakSet<object>>();

/**
 * Replaces a method, on an instance or on a prototype, once per host. False where there is no such method, where
 * it already is ours, and where the object is frozen.
 */
export function patchMethod(
  owner: object,
  name: string,
  host: PluginHost,
  replace: (original: Callable) => Callable,
): boolean {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") return false;
  const hosts = patchedFor.get(original);
  if (hosts?.has(host)) return false;
  const replacement = replace(original as Callable);
  const defined = Reflect.defineProperty(owner, name, {
    value: replacement,
    writable: true,
    configurable: true,
    // An inherited method must not turn up in Object.keys of the instance.
    enumerable: Object.getOwnPropertyDescriptor(owner, name)?.enumerable ?? false,
  });
  if (!defined) {
    host.log.warn({ method: name }, "a component is frozen, so that its calls cannot be seen");
    return false;
  }
  patchedFor.set(replacement, new Set([...(hosts ?? []), host]));
  return true;
}

/** Watches the calls of a method. What the object calls on itself meanwhile is not seen again. */
export function watchMethod(owner: object, name: string, host: PluginHost, watch: Watch): boolean {
  return patchMethod(owner, name, host, (original) => watchFunction(original, host, watch, owner));
}

/**
 * Answers a Proxy of a function whose calls are seen: name, length, properties, `this`, result and error stay
 * the very same. With an `owner` (used where `this` is not an object), calls nested in one of the same
 * object are not seen.
 */
export function watchFunction<Fn extends Callable>(
  original: Fn,
  host: PluginHost,
  watch: Watch,
  owner?: object,
): Fn {
  const busy = busyFor(host);
  return new Proxy(original, {
    apply(target, self: unknown, args: unknown[]): unknown {
      const subject = owner !== undefined && typeof self === "object" && self !== null ? self : owner;
      if (subject !== undefined && busy.has(subject)) return Reflect.apply(target, self, args);
      const call = beginWatching(host, watch, args, self);
      if (call === undefined) return Reflect.apply(target, self, args);

      if (subject !== undefined) busy.add(subject);
      let result: unknown;
      try {
        result = Reflect.apply(target, self, args);
      } catch (error) {
        tell(host, call, "threw", error);
        throw error;
      } finally {
        if (subject !== undefined) busy.delete(subject);
      }
      return followResult(result, {
        returned: (value) => tell(host, call, "returned", value),
        threw: (error) => tell(host, call, "threw", error),
      });
    },
  });
}

function busyFor(host: PluginHost): WeakSet<object> {
  const known = busyByHost.get(host);
  if (known !== undefined) return known;
  const busy = new WeakSet<object>();
  busyByHost.set(host, busy);
  return busy;
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
