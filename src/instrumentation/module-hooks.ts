/** Makes imports of ES modules visible to patches, and only where a plugin has something to patch. */
import { createRequire, register } from "node:module";
import { pathToFileURL } from "node:url";
import type { ModulePatch } from "../plugin/module-patches.ts";

type Filters = readonly (string | RegExp)[];

interface SyncHooks {
  supportsSyncHooks(): boolean;
  register(options: { readonly include: Filters }): void;
}

/**
 * Registers the loader hook that the instrumentation's patches rely on: in this thread where Node can, in the loader's
 * thread where not (Node 20). `require` needs none.
 */
export async function hookModules(patches: readonly ModulePatch[]): Promise<void> {
  const include = patches.map(filterOf);
  const parent = pathToFileURL(createRequire(import.meta.url).resolve("@opentelemetry/instrumentation")).href;
  // The copy whose list of hooks the instrumentation writes to.
  const urlOf = (file: string): string => pathToFileURL(createRequire(parent).resolve(file)).href;
  const sync = (await import(urlOf("import-in-the-middle/register-hooks.mjs"))) as SyncHooks;
  if (sync.supportsSyncHooks()) sync.register({ include });
  else register(loaderHook(urlOf("import-in-the-middle/hook.mjs")), { data: { include } });
}

function loaderHook(of: string): URL {
  const url = new URL("./loader-hook.js", import.meta.url);
  url.searchParams.set("of", of);
  return url;
}

function filterOf({ module, file }: ModulePatch): string | RegExp {
  return file === undefined ? module : new RegExp(`/node_modules/${escape(`${module}/${file}`)}$`);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
