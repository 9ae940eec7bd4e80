/** Loads a plugin that the configuration names: a built-in one, a package, or a file. */
import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { WebhookError } from "../event/errors.ts";
import { withDeadline } from "../time/deadline.ts";
import { builtInPlugins } from "./built-in.ts";
import { placeOf } from "./check-data.ts";
import type { AnyPlugin } from "./contract.ts";
import { describeFailure } from "./describe-failure.ts";

const builtIn = new Set(builtInPlugins);
/** Longest wait for a plugin to load: it takes milliseconds, or seconds for a large one on a slow disk. */
const loadTimeoutMs = 10_000;

/**
 * Imports the module and calls its factory (the default export, or the export named like a built-in plugin) with the
 * options, which the module's `optionsSchema` has checked where it exports one. A package is looked up from `from`,
 * the file that names it. Throws PLUGIN_UNKNOWN, PLUGIN_INVALID, or where the options do not fit, CONFIG_INVALID.
 */
export async function loadPlugin(name: string, options: unknown, from?: string): Promise<AnyPlugin> {
  const module = await importPlugin(name, from);
  const factory = builtIn.has(name) ? module[name] : module["default"];
  if (typeof factory === "object" && factory !== null) return factory as AnyPlugin;
  if (typeof factory !== "function") {
    throw invalid(`Plugin \`${name}\` has no default export that is a plugin or a factory of one`);
  }
  // `options:` with nothing behind it is null.
  const checked = await applySchema(name, module["optionsSchema"], options ?? undefined);
  return runOwn(`The factory of plugin \`${name}\``, () => factory(checked) as AnyPlugin, options);
}

/** Runs code of the plugin itself. What it throws is told without the values of the options, which may be secrets. */
async function runOwn<Result>(
  what: string,
  run: () => Result | Promise<Result>,
  options?: unknown,
): Promise<Result> {
  try {
    // Holds the process open: where nothing else does, Node would end it with exit code 13 before anybody is told.
    return await withDeadline(Promise.resolve(run()), loadTimeoutMs, () => {
      throw invalid(`${what} did not end within ${loadTimeoutMs / 1000} s`);
    });
  } catch (cause) {
    if (WebhookError.is(cause)) throw cause;
    throw invalid(`${what} failed: ${withoutValues(describeFailure(cause), options)}`, cause);
  }
}

/** Tells, without running anything of it, whether a plugin is there to be loaded. */
export function findsPlugin(name: string, from?: string): boolean {
  if (builtIn.has(name)) return true;
  return [from, import.meta.url].some((place) => {
    try {
      return place !== undefined && createRequire(place).resolve(name) !== "";
    } catch (error) {
      // A package with no entry for `require` is there too.
      return error instanceof Error && "code" in error && error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
    }
  });
}

/** Returns the options as the schema made them. Options may be secrets, so that only their places are named. */
async function applySchema(name: string, schema: unknown, options: unknown): Promise<unknown> {
  if (schema === undefined) return options;
  const standard = Object(schema)["~standard"] as StandardSchemaV1["~standard"] | undefined;
  if (typeof standard?.validate !== "function") {
    throw invalid(`\`optionsSchema\` of plugin \`${name}\` is no Standard Schema`);
  }
  const validate = (): ReturnType<typeof standard.validate> => standard.validate(options ?? {});
  const result = await runOwn(`\`optionsSchema\` of plugin \`${name}\``, validate, options);
  if (result.issues === undefined) return result.value;
  const places = result.issues.map((issue) => `${placeOf(issue)}: ${withoutValues(issue.message, options)}`);
  throw new WebhookError(
    "CONFIG_INVALID",
    `The options of plugin \`${name}\` do not fit its schema; ${places.join("; ")}`,
  );
}

/** Some libraries quote in their message the value that does not fit, which may be a password. */
function withoutValues(message: string, options: unknown): string {
  if (typeof options === "string" && options !== "") return message.replaceAll(options, "…");
  if (typeof options !== "object" || options === null) return message;
  return Object.values(options).reduce<string>(withoutValues, message);
}

async function importPlugin(name: string, from: string | undefined): Promise<Record<string, unknown>> {
  const specifier = specifierOf(name, from);
  const run = async (): Promise<Record<string, unknown>> => {
    try {
      return (await import(specifier)) as Record<string, unknown>;
    } catch (cause) {
      if (!isMissing(cause, specifier)) throw cause;
      const known = [...builtIn].join(", ");
      const detail = `Plugin \`${name}\` cannot be imported; built in are ${known}`;
      throw new WebhookError("PLUGIN_UNKNOWN", detail, { cause });
    }
  };
  return runOwn(`The import of plugin \`${name}\``, run);
}

/** Tells a plugin that is not there from one that lacks something itself. */
function isMissing(cause: unknown, specifier: string): boolean {
  if (!(cause instanceof Error) || !("code" in cause)) return false;
  if (cause.code === "ERR_MODULE_NOT_FOUND") {
    return "url" in cause && typeof cause.url === "string"
      ? cause.url === specifier
      : cause.message.includes(`'${specifier}'`);
  }
  if (specifier.startsWith("file:")) return false;
  return cause.code === "ERR_PACKAGE_PATH_NOT_EXPORTED" || cause.code === "ERR_INVALID_MODULE_SPECIFIER";
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

function invalid(detail: string, cause?: unknown): WebhookError {
  return new WebhookError("PLUGIN_INVALID", detail, { cause });
}
