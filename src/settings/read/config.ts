/** The configuration: file and environment become one frozen object, or one error that names every mistake. */
import { dirname, relative, resolve } from "node:path";
import { WebhookError } from "../../event/errors.ts";
import type { Path } from "../setting.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { type FileSettings, nothing, readSettings } from "./file-settings.ts";
import { sealConfig } from "./hide-secrets.ts";
import { type ParsedFile, parseFile } from "./parse-file.ts";
import { readText } from "./read-text.ts";
import type { WebhookConfig } from "./webhook-config.ts";

export type { WebhookConfig } from "./webhook-config.ts";

export interface ConfigSource {
  /** A file that must exist; wins over MOVA_WEBHOOK_CONFIG. @default `mova.config.yaml`, where there is one */
  readonly path?: string;
  /** The file of a running process: it must still be there, where nothing else names one. */
  readonly lastPath?: string;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** @default process.cwd() */
  readonly cwd?: string;
}

const defaultName = "mova.config.yaml";
const maxFileBytes = 1_048_576;

/** Reads file and environment. Returns the whole, or throws CONFIG_INVALID with all mistakes. */
export function loadConfig(source: ConfigSource = {}): WebhookConfig {
  return readRightConfig(source).config;
}

/** Reads a configuration of which more is to be checked later. Throws CONFIG_INVALID with all mistakes. */
export function readRightConfig(source: ConfigSource = {}): ReadConfig {
  const read = readConfig(source);
  if (read.mistakes.length > 0) throw mistaken(read.mistakes, read.remedy);
  return read;
}

/** A configuration with its mistakes: what is right of it can be checked further. */
export interface ReadConfig {
  readonly config: WebhookConfig;
  readonly mistakes: readonly string[];
  /** False where nothing of the file could be read. */
  readonly readable: boolean;
  /** What helps where there is no such file. */
  readonly remedy?: string;
  /** How many of the endpoints stand in the file; the one that the environment adds comes after them. */
  readonly inFile: number;
  /** Settings, by their names in the file such as `network.allow`, that could not be read: what depends on them cannot be judged. */
  readonly leftOut: ReadonlySet<string>;
  /** Returns the text of a mistake found later, at the value of this path below `webhook:`. */
  readonly mistakeAt: (path: Path, problem: string) => string;
}

/** Reads the file and applies the environment. Never throws for what is wrong with either. */
export function readConfig({
  path,
  lastPath,
  env = process.env,
  cwd = process.cwd(),
}: ConfigSource = {}): ReadConfig {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  const unread = new Set<string>();
  const environment = readEnvironment(env, cwd, mistakes, unread);
  const named = path ?? environment.config;
  const sourcePath = resolve(cwd, named ?? lastPath ?? defaultName);
  const required = (named ?? lastPath) !== undefined;
  const name = shortName(sourcePath, cwd);
  const file = readText(sourcePath, maxFileBytes);

  let settings = nothing;
  let parsed: ParsedFile | undefined;
  if (file === undefined) {
    const variable = path === undefined && named !== undefined ? "; MOVA_WEBHOOK_CONFIG names it" : "";
    if (required) mistakes.push(`${name} does not exist${variable}`);
  } else if ("problem" in file) {
    mistakes.push(`${name} ${file.problem}`);
  } else {
    const directory = dirname(sourcePath);
    parsed = parseFile(name, file.text, { env, directory, sectionRequired: required });
    mistakes.push(...parsed.mistakes);
    if (parsed.lacksSection) warnings.push(`${name} has no section \`webhook:\`: nothing is set there`);
    const { section, leftOut, mistakeAt } = parsed;
    if (section !== undefined)
      settings = readSettings(section, directory, { mistakeAt, leftOut, mistakes, warnings });
  }
  const readable = file === undefined ? !required : parsed?.section !== undefined;
  const config = merge(settings, environment);
  return {
    config: sealConfig({ ...config, ...(file === undefined ? {} : { sourcePath }), warnings }),
    mistakes,
    readable,
    ...(readable || parsed !== undefined
      ? {}
      : { remedy: lastPath === sourcePath ? restoreRemedy : pathRemedy }),
    inFile: settings.endpoints.length,
    leftOut: new Set([...(parsed?.leftOut ?? []), ...unread]),
    mistakeAt: parsed?.mistakeAt ?? ((_, problem) => problem),
  };
}

/** The environment wins over the file, but for the token: clients read that variable too. */
function merge(file: FileSettings, environment: Environment): Omit<WebhookConfig, "sourcePath" | "warnings"> {
  const { config: _path, endpoints = [], network, server, ...rest } = environment;
  return {
    ...file,
    enabled: file.enabled ?? true,
    ...rest,
    endpoints: [...file.endpoints, ...endpoints],
    network: { ...file.network, ...network },
    ...(server === undefined ? {} : { server: { ...server, ...file.server } }),
  };
}

/** As the user would type it, where the file is below the working directory. */
function shortName(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short;
}

const pathRemedy =
  "Give the path of the file itself by `--config`, MOVA_WEBHOOK_CONFIG or the option `config`.";

const restoreRemedy = "Put the file back; what is to run without it needs a restart.";

/** The error that names these mistakes and counts them. */
export function mistaken(mistakes: readonly string[], remedy?: string): WebhookError {
  const count = mistakes.length === 1 ? "There is 1 mistake" : `There are ${mistakes.length} mistakes`;
  const detail = [...mistakes, `${count} in the configuration`].join("\n");
  return new WebhookError("CONFIG_INVALID", detail, remedy === undefined ? {} : { remedy });
}
