/** Makes imports of ES modules visible to patches, and only where a plugin has something to patch. */
import module, { createRequire, register } from "node:module";
import { pathToFileURL } from "node:url";
import { ownHook } from "./own-hook.ts";
import type { ModulePatch } from "../plugin/module-patches.ts";

interface SyncSupport {
  supportsSyncHooks(): boolean;
}

/** Node 22 and later. */
interface SyncModule {
  registerHooks(hooks: { readonly resolve: unknown; readonly load: unknown }): void;
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
  const of = urlOf("import-in-the-middle/hook.mjs");
  const support = (await import(urlOf("import-in-the-middle/supports-sync-hooks.mjs"))) as SyncSupport;
  if (!support.supportsSyncHooks()) return register(loaderHook(of), { data: { include } });
  const hook = await ownHook(of);
  hook.applyOptions({ include });
  (module as unknown as SyncModule).registerHooks({ resolve: hook.resolveSync, load: hook.loadSync });
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
