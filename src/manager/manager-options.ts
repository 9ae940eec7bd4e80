/** What a WebhookManager may be given, and how code, environment and file are merged. */
import { isDeepStrictEqual } from "node:util";
import type { TracerProvider } from "@opentelemetry/api";
import { type ReadConfig, readRightConfig, type WebhookConfig } from "../settings/read/config.ts";
import { typeMistakes } from "../settings/read/endpoint-mistakes.ts";
import type { ConfiguredEndpoints, EndpointChanges } from "./endpoint-changes.ts";
import type { EndpointDefaults, WebhookEndpoint } from "../event/endpoint.ts";
import type { SecretSetting } from "../event/secret.ts";
import { WebhookError } from "../event/errors.ts";
import type { KnownTypes } from "../event/known-types.ts";
import type { Logger } from "../event/logger.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { AnyPlugin, UseOptions } from "../plugin/contract.ts";
import { findsPlugin } from "../plugin/load.ts";
import { refuseLiteral } from "../security/check-url.ts";
import type { MetricRegistry } from "../telemetry/metrics/metrics.ts";
import { check } from "../settings/check.ts";
import { manager, type Retention } from "../settings/manager.ts";
import type { NetworkOptions } from "../settings/network.ts";
import { namedFields, type Setting } from "../settings/setting.ts";
import { section } from "../settings/read/section.ts";

/** A plugin with what the user says about it. */
export interface PluginUse extends UseOptions {
  readonly use: AnyPlugin;
}

export interface WebhookManagerOptions {
  readonly endpoints?: readonly WebhookEndpoint[];
  /** Plugins, or `{ use: plugin, volume, redact }`. */
  readonly plugins?: readonly (AnyPlugin | PluginUse)[];
  /** @default true */
  readonly enabled?: boolean;
  /** Seconds; for endpoints that set none. @default 30 */
  readonly timeout?: number;
  /** For endpoints that set no `retries`. @default 3 */
  readonly maxRetries?: number;
  /** For endpoints that set none. */
  readonly secret?: SecretSetting | readonly SecretSetting[];
  /** @default a memory outbox, or what the configuration says */
  readonly outbox?: Outbox;
  /** Event types, or patterns such as `order.*`, that no plugin declares but the program triggers itself. */
  readonly eventTypes?: readonly string[];
  readonly network?: NetworkOptions;
  /** Bytes of one event's body. @default 1_048_576 */
  readonly maxBodyBytes?: number;
  /** How long a durable outbox remembers what is finished. @default 30 days, 1,000,000 deliveries */
  readonly retention?: Retention;
  /** Attempts at the same time over all endpoints; each has its share of them at any time. @default 1024 */
  readonly maxInFlight?: number;
  /** Connections at the same time over all endpoints; idle ones give way to those that are needed. @default maxInFlight */
  readonly maxSockets?: number;
  /** Attempts under way keep no process alive: for what runs beside a program that does not wait for it. @default false */
  readonly background?: boolean;
  /** Path of a configuration file; false to read neither file nor environment. @default the file, where there is one */
  readonly config?: string | false;
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
  /** From 0 to below 1, for jitter. @default Math.random */
  readonly random?: () => number;
  /** @default silent, or JSON lines on stderr where MOVA_WEBHOOK_LOG_LEVEL is set */
  readonly logger?: Logger;
  /** @default an OpenMetrics registry of its own */
  readonly registry?: MetricRegistry;
  /** @default the global one */
  readonly tracerProvider?: TracerProvider;
}

export interface Settings {
  readonly enabled: boolean;
  /** From code and from the configuration. */
  readonly endpoints: readonly WebhookEndpoint[];
  /** Those of them that the configuration brought: what a reload replaces. */
  readonly configured: ConfiguredEndpoints;
  readonly defaults: EndpointDefaults;
  readonly retention: Retention;
  readonly eventTypes: readonly string[];
  readonly network: NetworkOptions;
  readonly maxBodyBytes: number;
  readonly maxInFlight: number;
  readonly maxSockets: number;
  readonly background: boolean;
  /** What only code can use: plugin names to load, the outbox to open, the log level. */
  readonly config: WebhookConfig | undefined;
  /** The same as it was read, for what can be judged only later. */
  readonly read: ReadConfig | undefined;
}

/** Each option has its declaration. */
const fields = manager.fields satisfies {
  readonly [Name in keyof WebhookManagerOptions]-?: Setting<unknown>;
};

/** Returns what a program handed in, as it is meant. Throws CONFIG_INVALID, SECRET_INVALID or EVENT_TYPE_UNKNOWN. */
export function checkOptions(options: WebhookManagerOptions): WebhookManagerOptions {
  return check("`new WebhookManager()`", manager, options) as WebhookManagerOptions;
}

/** Merges the options over what environment and file say. A file at `lastPath` must be there still. Throws CONFIG_INVALID. */
export function mergeSettings(options: WebhookManagerOptions, lastPath?: string): Settings {
  const read =
    options.config === false
      ? undefined
      : readRightConfig({
          ...(options.config === undefined ? {} : { path: options.config }),
          ...(lastPath === undefined ? {} : { lastPath }),
        });
  const config = read?.config;
  const timeout = options.timeout ?? config?.timeout;
  const retries = options.maxRetries ?? config?.maxRetries;
  const secret = options.secret ?? config?.secret;
  const defaults = {
    ...(timeout === undefined ? {} : { timeout }),
    ...(retries === undefined ? {} : { retries }),
    ...(secret === undefined ? {} : { secret }),
  };
  const coded = options.endpoints ?? [];
  const { maxInFlight = fields.maxInFlight.default } = options;
  const configured = notReplaced(config?.endpoints ?? [], coded);
  return {
    enabled: options.enabled ?? config?.enabled ?? fields.enabled.default,
    endpoints: [...configured, ...coded],
    configured: { endpoints: configured, defaults },
    defaults,
    retention: options.retention ?? config?.retention ?? {},
    eventTypes: [...(config?.eventTypes ?? []), ...(options.eventTypes ?? [])],
    network: { ...config?.network, ...options.network },
    maxBodyBytes: options.maxBodyBytes ?? config?.maxBodyBytes ?? fields.maxBodyBytes.default,
    maxInFlight,
    maxSockets: options.maxSockets ?? maxInFlight,
    background: options.background ?? fields.background.default,
    config,
    read,
  };
}

/**
 * Returns what the configuration names that a process with these types and plugins does not have. While its plugins
 * are not `loaded`, or some wait for a restart, types under prefixes that nobody knows are taken.
 */
export function unknownNames(
  { read }: Settings,
  types: KnownTypes,
  hasPlugin: (name: string) => boolean,
  loaded: boolean,
): readonly string[] {
  if (read === undefined) return [];
  const { plugins, sourcePath } = read.config;
  const missing = plugins.flatMap(({ name }, index) =>
    hasPlugin(name) || findsPlugin(name, sourcePath)
      ? []
      : [
          read.mistakeAt(
            ["plugins", index],
            `there is no plugin \`${name}\`; install it, or correct its name`,
          ),
        ],
  );
  const complete = loaded && plugins.every(({ name }) => hasPlugin(name));
  return [...missing, ...typeMistakes(read, types, complete)];
}

/** Code replaces a configured endpoint of the same id, or without ids, of the same URL. */
function notReplaced(
  configured: readonly WebhookEndpoint[],
  coded: readonly WebhookEndpoint[],
): readonly WebhookEndpoint[] {
  const nameOf = (endpoint: WebhookEndpoint): string => endpoint.id ?? endpoint.url;
  const replaced = new Set(coded.map(nameOf));
  return configured.filter((endpoint) => !replaced.has(nameOf(endpoint)));
}

/** What a running manager takes over from a changed configuration. */
const takenOver: ReadonlySet<string> = new Set([
  "endpoints",
  "timeout",
  "maxRetries",
  "secret",
  "secretFile",
]);

const fixedAtStart = [...namedFields(section.fields, "file").values()]
  .map(({ key }) => key as keyof WebhookConfig)
  .filter((key) => !takenOver.has(key));

export interface Reloaded extends EndpointChanges {
  /** Settings that changed too, and hold only after a restart. */
  readonly needRestart: readonly string[];
}

/**
 * Reads the configuration again, and compares it with what the process started with. Throws CONFIG_INVALID, and
 * ENDPOINT_BLOCKED for an endpoint that only the changed `network` would let through.
 */
export function reloadSettings(
  started: Settings,
  last: Settings,
  options: WebhookManagerOptions,
): { readonly settings: Settings; readonly needRestart: readonly string[] } {
  const settings = mergeSettings(options, last.config?.sourcePath);
  for (const endpoint of settings.configured.endpoints) {
    const url = new URL(endpoint.url);
    if (
      refuseLiteral(url, started.network) !== undefined &&
      refuseLiteral(url, settings.network) === undefined
    )
      throw new WebhookError(
        "ENDPOINT_BLOCKED",
        `Endpoint \`${endpoint.id ?? url.origin}\` cannot be called under the \`network\` settings of the start`,
        { remedy: "A change of `network` needs a restart." },
      );
  }
  const needRestart = fixedAtStart.filter(
    (key) => !isDeepStrictEqual(started.config?.[key], settings.config?.[key]),
  );
  return { settings, needRestart };
}
