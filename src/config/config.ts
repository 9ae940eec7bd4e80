/** The configuration: file and environment become one frozen object, or one error that names every mistake. */
import { dirname, relative, resolve } from "node:path";
import type { WebhookEndpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import type { NetworkOptions } from "../security/network-policy.ts";
import type { OutboxChoice } from "../outbox/outbox.ts";
import type { UseOptions } from "../plugin/contract.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { type FileSettings, readSettings } from "./file-settings.ts";
import { sealConfig } from "./hide-secrets.ts";
import { parseFile } from "./parse-file.ts";
import { readText } from "./read-text.ts";
import type { LogLevel } from "./values.ts";

/** What file and environment say. Times are seconds. Printed or written as JSON, it hides its secrets. */
export interface WebhookConfig {
  /** @default true */
  readonly enabled: boolean;
  readonly timeout?: number;
  readonly maxRetries?: number;
  readonly secret?: string;
  readonly endpoints: readonly WebhookEndpoint[];
  readonly plugins: readonly PluginChoice[];
  readonly outbox?: OutboxChoice;
  readonly network: Omit<NetworkOptions, "lookup">;
  readonly server?: { readonly host?: string; readonly port?: number; readonly token?: string };
  /** Types that no plugin declares. */
  readonly eventTypes: readonly string[];
  readonly maxBodyBytes?: number;
  readonly retention?: { readonly days?: number; readonly deliveries?: number };
  readonly logLevel?: LogLevel;
  /** The file, where there is one. */
  readonly sourcePath?: string;
  /** What works but should be looked at. */
  readonly warnings: readonly string[];
}

/** In the file: a name, or `{ use: name, options, volume, redact }`. A path is absolute here. */
export interface PluginChoice extends UseOptions {
  readonly name: string;
  readonly options?: unknown;
}

export interface ConfigSource {
  /** A file that must exist; wins over MOVA_WEBHOOK_CONFIG. @default `mova.config.yaml`, where there is one */
  readonly path?: string;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** @default process.cwd() */
  readonly cwd?: string;
}

const defaultName = "mova.config.yaml";
const maxFileBytes = 1_048_576;
const nothing: FileSettings = { endpoints: [], plugins: [], network: {}, eventTypes: [] };

/** Reads the file, applies the environment, and answers the whole or throws CONFIG_INVALID with all mistakes. */
export function loadConfig({
  path,
  env = process.env,
  cwd = process.cwd(),
}: ConfigSource = {}): WebhookConfig {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  const environment = readEnvironment(env, cwd, mistakes);
  const named = path ?? environment.path;
  const sourcePath = resolve(cwd, named ?? defaultName);
  const name = shortName(sourcePath, cwd);
  const file = readText(sourcePath, maxFileBytes);

  let settings = nothing;
  if (file === undefined) {
    if (named !== undefined)
      mistakes.push(`${name} does not exist${path === undefined ? "; MOVA_WEBHOOK_CONFIG names it" : ""}`);
  } else if ("problem" in file) {
    mistakes.push(`${name} ${file.problem}`);
  } else {
    const parsed = parseFile(name, file.text, env, { sectionRequired: named !== undefined });
    if ("mistakes" in parsed) mistakes.push(...parsed.mistakes);
    else settings = readSettings(parsed.section, parsed.mistakeAt, dirname(sourcePath), mistakes, warnings);
  }
  if (mistakes.length > 0) throw invalid(mistakes);
  const config = merge(settings, environment);
  return sealConfig({ ...config, ...(file === undefined ? {} : { sourcePath }), warnings });
}

/** The environment wins over the file. */
function merge(file: FileSettings, environment: Environment): Omit<WebhookConfig, "sourcePath" | "warnings"> {
  const { path: _path, url, allow, ...rest } = environment;
  return {
    ...file,
    enabled: file.enabled ?? true,
    ...rest,
    endpoints: url === undefined ? file.endpoints : [...file.endpoints, { id: "environment", url }],
    network: allow === undefined ? file.network : { ...file.network, allow },
  };
}

/** As the user would type it, where the file is below the working directory. */
function shortName(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short;
}

function invalid(mistakes: readonly string[]): WebhookError {
  const count = mistakes.length === 1 ? "There is 1 mistake" : `There are ${mistakes.length} mistakes`;
  return new WebhookError("CONFIG_INVALID", [...mistakes, `${count} in the configuration`].join("\n"));
}
