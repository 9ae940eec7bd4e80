/** Turns the checked section into settings: camelCase names, paths made absolute, secrets read from their files. */
import { resolve } from "node:path";
import { resolveEndpoint, type WebhookEndpoint } from "../../event/endpoint.ts";
import { WebhookError } from "../../event/errors.ts";
import { camelKeys } from "./camel-keys.ts";
import { outboxSetting } from "../../outbox/kinds.ts";
import type { OutboxChoice } from "../../outbox/outbox.ts";
import type { Volume } from "../../plugin/contract.ts";
import type { PluginChoice, WebhookConfig } from "./config.ts";
import type { Path } from "./place.ts";
import type { Section } from "./schema.ts";
import { readSecretFile } from "./secret-files.ts";
import { secret } from "./values.ts";

export type FileSettings = Omit<WebhookConfig, "enabled" | "sourcePath" | "warnings"> & {
  readonly enabled?: boolean;
};

export function readSettings(
  section: Section,
  mistakeAt: (path: Path, problem: string) => string,
  directory: string,
  leftOut: Set<string>,
  mistakes: string[],
  warnings: string[],
): FileSettings {
  /** Replaces `secretFile` by what it holds. */
  function withSecret<T extends { secret?: unknown; secretFile?: string }>(
    path: Path,
    { secretFile, ...rest }: T,
  ): Omit<T, "secretFile"> {
    if (secretFile === undefined) return rest;
    const at = [...path, "secret_file"];
    if (rest.secret !== undefined) mistakes.push(mistakeAt(at, "give `secret` or `secret_file`, not both"));
    const file = readSecretFile(secretFile, directory, warnings);
    if ("problem" in file) mistakes.push(mistakeAt(at, file.problem));
    else if (secret.read(file.secret) === undefined)
      mistakes.push(mistakeAt(at, `the secret must be ${secret.expected}`));
    else return { ...rest, secret: file.secret };
    leftOut.add(path.length === 0 ? "secret" : "endpoints.secret");
    return rest;
  }

  const {
    endpoints = [],
    plugins = [],
    outbox,
    network = {},
    server,
    eventTypes = [],
    ...rest
  } = camelKeys(section);
  return {
    ...withSecret([], rest),
    endpoints: checkEndpoints(
      endpoints.map((endpoint, index) => withSecret(["endpoints", index], readEndpoint(endpoint))),
      (index, problem) => mistakes.push(mistakeAt(["endpoints", index], problem)),
    ),
    plugins: plugins.map((plugin) => readPlugin(plugin, directory)),
    network: camelKeys(network),
    eventTypes,
    ...(outbox === undefined ? {} : readOutbox(outbox, directory)),
    ...(server === undefined ? {} : { server }),
  };
}

/** Applies the rules every endpoint has, wherever it comes from. Code may still give the secret. */
function checkEndpoints(
  endpoints: readonly WebhookEndpoint[],
  mistake: (index: number, problem: string) => void,
): readonly WebhookEndpoint[] {
  const ids = new Set<string>();
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      const { id } = resolveEndpoint(endpoint, { secret: "given by code" });
      if (ids.has(id))
        mistake(index, `an endpoint before this one has the id \`${id}\`; give this one another \`id\``);
      ids.add(id);
    } catch (error) {
      if (!WebhookError.is(error)) throw error;
      mistake(index, error.detail);
      if (endpoint.id !== undefined) ids.add(endpoint.id);
    }
  }
  return endpoints;
}

function readEndpoint(endpoint: NonNullable<Section["endpoints"]>[number]) {
  const { batch, circuitBreaker, ...rest } = camelKeys(endpoint);
  return {
    ...rest,
    ...(batch === undefined ? {} : { batch: camelKeys(batch) }),
    ...(circuitBreaker === undefined
      ? {}
      : { circuitBreaker: circuitBreaker === false ? circuitBreaker : camelKeys(circuitBreaker) }),
  };
}

type PluginVolume = NonNullable<NonNullable<Section["plugins"]>[number]["volume"]>;

function readPlugin(plugin: NonNullable<Section["plugins"]>[number], directory: string): PluginChoice {
  const { use, volume, ...rest } = plugin;
  const name = /^\.{0,2}\//.test(use) ? resolve(directory, use) : use;
  return { name, ...rest, ...(volume === undefined ? {} : { volume: readVolume(volume) }) };
}

function readVolume({ coalesce, ...volume }: PluginVolume): Volume {
  return { ...camelKeys(volume), ...(coalesce === undefined ? {} : { coalesce: camelKeys(coalesce) }) };
}

/** The schema has found it right. */
function readOutbox(outbox: unknown, directory: string): { readonly outbox?: OutboxChoice } {
  const reading = outboxSetting.read(outbox, { place: "file", directory });
  return "value" in reading ? { outbox: reading.value } : {};
}
