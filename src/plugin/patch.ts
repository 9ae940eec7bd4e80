/** Recognises a component by its methods, and puts functions of ours in the place of its own, once for each host. */
import type { PluginHost } from "./plugin-host.ts";

export type Callable = (...args: never) => unknown;

/** Tells whether a component has methods of all these names, its own or inherited. Never throws. */
export function hasMethods(component: object, ...names: readonly string[]): boolean {
  try {
    return names.every((name) => typeof Reflect.get(component, name) === "function");
  } catch {
    // A revoked proxy, or a getter that throws: nothing we know.
    return false;
  }
}

/** Functions we made, and for which hosts: what makes patching an instance and its prototype count once. */
const patchedFor = new WeakMap<object, ReadonlySet<PluginHost>>();

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
  const replacement = replacementFor(Reflect.get(owner, name), host, replace);
  if (replacement === undefined) return false;
  const defined = Reflect.defineProperty(owner, name, {
    value: replacement,
    writable: true,
    configurable: true,
    // An inherited method must not turn up in Object.keys of the instance.
    enumerable: Object.getOwnPropertyDescriptor(owner, name)?.enumerable ?? false,
  });
  if (!defined) host.log.warn({ method: name }, "a component is frozen, so that its calls cannot be seen");
  return defined;
}

/**
 * Replaces an exported function, once per host. Returns the exports: the same, or a copy where they are read-only.
 * What a CommonJS module exports is also the default export of its ES form.
 */
export function patchExport(
  exports: object,
  name: string,
  host: PluginHost,
  replace: (original: Callable) => Callable,
): object {
  const replacement = replacementFor(Reflect.get(exports, name), host, replace);
  if (replacement === undefined) return exports;
  const whole: unknown = Reflect.get(exports, "default");
  const original: unknown = Reflect.get(exports, name);
  if (typeof whole === "object" && whole !== null && Reflect.get(whole, name) === original) {
    const patched = withExport(whole, name, replacement);
    if (patched !== whole) Reflect.set(exports, "default", patched);
  }
  return withExport(exports, name, replacement);
}

/** Finds a class or function among the exports, however the module names it: CommonJS, ES and its default export. */
export function exportNamed(exports: object, name: string): Callable | undefined {
  const whole: unknown = Reflect.get(exports, "default");
  const candidates = [Reflect.get(exports, name), Reflect.get(Object(whole) as object, name), whole, exports];
  return candidates.find((candidate): candidate is Callable => typeof candidate === "function");
}

/** Finds the prototype of a class among the exports. */
export function prototypeNamed(exports: object, name: string): object | undefined {
  const found: unknown = Reflect.get(Object(exportNamed(exports, name)) as object, "prototype");
  return typeof found === "object" && found !== null ? found : undefined;
}

function replacementFor(
  original: unknown,
  host: PluginHost,
  replace: (original: Callable) => Callable,
): Callable | undefined {
  if (typeof original !== "function") return undefined;
  const hosts = patchedFor.get(original);
  if (hosts?.has(host)) return undefined;
  const replacement = replace(original as Callable);
  patchedFor.set(replacement, new Set([...(hosts ?? []), host]));
  return replacement;
}

function withExport(exports: object, name: string, value: unknown): object {
  if (Reflect.set(exports, name, value)) return exports;
  const described = Object.getOwnPropertyDescriptors(exports);
  const replaced = { value, enumerable: true, writable: true, configurable: true };
  return Object.create(Object.getPrototypeOf(exports) as object | null, {
    ...described,
    [name]: replaced,
  }) as object;
}
