/** Loads a plugin that the configuration names: a built-in one, a package, or a file. */
import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { WebhookError } from "../event/errors.ts";
import type { AnyPlugin } from "./contract.ts";

const builtIn = new Set(["validation", "cache", "redis", "llm", "error", "config"]);

/**
 * Imports the module and calls its factory (the default export, or the export named like a built-in plugin) with the
 * options. A package is looked up from `from`, the file that names it. Throws PLUGIN_UNKNOWN or PLUGIN_INVALID.
 */
export async function loadPlugin(name: string, options: unknown, from?: string): Promise<AnyPlugin> {
  const module = await importPlugin(name, from);
  const factory = builtIn.has(name) ? module[name] : module["default"];
  if (typeof factory === "function") return (await factory(options)) as AnyPlugin;
  if (typeof factory === "object" && factory !== null) return factory as AnyPlugin;
  const detail = `Plugin \`${name}\` has no default export that is a plugin or a factory of one`;
  throw new WebhookError("PLUGIN_INVALID", detail);
}

async function importPlugin(name: string, from: string | undefined): Promise<Record<string, unknown>> {
  try {
    return (await import(specifierOf(name, from))) as Record<string, unknown>;
  } catch (cause) {
    const known = [...builtIn].join(", ");
    const detail = `Plugin \`${name}\` cannot be imported; built in are ${known}`;
    throw new WebhookError("PLUGIN_UNKNOWN", detail, { cause });
  }
}

function specifierOf(name: string, from: string | undefined): string {
  if (builtIn.has(name)) return `mova-webhooks/plugins/${name}`;
  if (isAbsolute(name)) return pathToFileURL(name).href;
  if (from === undefined) return name;
  try {
    return pathToFileURL(createRequire(from).resolve(name)).href;
  } catch {
    // A package with no entry for `require`: looked up from here, where it is installed beside this package.
    return name;
  }
}
