/** Tells which of the hooks for ES modules are ours. */
import { createRequire } from "node:module";

export const ownHooks = new Set<unknown>();

/** Runs what registers hooks with import-in-the-middle, and keeps them as ours. */
export function registerOwn(run: () => void): void {
  const instrumentation = createRequire(import.meta.url).resolve("@opentelemetry/instrumentation");
  const { importHooks } = createRequire(instrumentation)("import-in-the-middle/lib/register.js") as {
    readonly importHooks: readonly unknown[];
  };
  const before = new Set(importHooks);
  run();
  for (const hook of importHooks) if (!before.has(hook)) ownHooks.add(hook);
}
