/** Puts a watched method in place of one that asks a model, on one object or on a prototype. */
import type { PluginHost } from "mova-webhooks/plugin";
import { type ModelMethod, startCall, type WatchOptions } from "./call.ts";
import { follow } from "./follow.ts";

/** Which hosts a function already speaks to, so that a prototype and its instance are not both heard. */
const hostsOf = new WeakMap<object, readonly PluginHost[]>();

/** Puts a Proxy of the method in its place. Calling it twice for one host changes nothing. */
export function watchMethod(target: object, name: string, method: ModelMethod, options: WatchOptions): void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function") return;
  const hosts = hostsOf.get(original) ?? [];
  if (hosts.includes(options.host)) return;
  const watched = new Proxy(original, {
    apply(_, self: unknown, args: unknown[]): unknown {
      const call = startCall(method, self, args, options);
      if (call === undefined) return Reflect.apply(original, self, args);
      let result: unknown;
      try {
        result = Reflect.apply(original, self, args);
      } catch (error) {
        call.failed(error);
        throw error;
      }
      return follow(result, call);
    },
  });
  const enumerable = Object.getOwnPropertyDescriptor(target, name)?.enumerable ?? false;
  const placed = Reflect.defineProperty(target, name, {
    value: watched,
    writable: true,
    configurable: true,
    enumerable,
  });
  if (placed) hostsOf.set(watched, [...hosts, options.host]);
  else options.host.log.warn({ method: name }, "llm: the client is frozen and cannot be watched");
}
