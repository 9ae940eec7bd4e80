/** Imported by the wrapper of every module that is hooked for us: tells our hooks of it, and no others. */
import { createRequire } from "node:module";
import { ownHooks } from "../own-hooks.ts";

interface Register {
  readonly importHooks: unknown[];
  readonly toHook: unknown[];
  readonly ModuleBinder: unknown;
  register(...module: readonly unknown[]): void;
}

const instrumentation = createRequire(import.meta.url).resolve("@opentelemetry/instrumentation");
const shared = createRequire(instrumentation)("import-in-the-middle/lib/register.js") as Register;

export const { ModuleBinder } = shared;

export function register(...module: readonly unknown[]): void {
  const all = shared.importHooks.splice(0);
  shared.importHooks.push(...all.filter((hook) => ownHooks.has(hook)));
  try {
    shared.register(...module);
  } finally {
    shared.importHooks.splice(0, Number.POSITIVE_INFINITY, ...all);
    // Who hooks modules later would be told of it.
    shared.toHook.pop();
  }
}
