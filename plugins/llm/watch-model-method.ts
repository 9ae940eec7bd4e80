/** Puts a watched method in place of one that asks a model, on one object or on a prototype. */
import { patchMethod, type PluginHost } from "mova-webhooks/plugin";
import { type ModelMethod, startCall, type WatchOptions } from "./call.ts";
import { Following } from "./follow.ts";
import { whileSending } from "./while-sending.ts";

type Callable = (...args: never) => unknown;

/**
 * Watches once per host, whatever else is patched. Not `watchMethod` of the contract: that one settles with the
 * promise, while these libraries parse lazily and stream.
 */
export function watchModelMethod(
  target: unknown,
  name: string,
  method: ModelMethod,
  host: PluginHost,
  options: WatchOptions,
): void {
  // Not every version has every resource.
  if (typeof target !== "object" || target === null) return;
  patchMethod(target, name, host, function watched<Method extends Callable>(original: Method): Method {
    function apply(_: Method, self: unknown, args: never[]): unknown {
      const call = startCall(method, self, args, host, options);
      if (call === undefined) return Reflect.apply(original, self, args);
      const following = new Following(call);
      let result: unknown;
      try {
        result = whileSending(self, following, host, () => Reflect.apply(original, self, args));
      } catch (error) {
        call.failed(error);
        throw error;
      }
      return following.result(result);
    }
    return new Proxy(original, { apply });
  });
}
