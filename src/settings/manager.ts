/** The settings of a manager, in the order of the configuration file; those that only code can give come last. */
import type { WebhookEndpoint } from "../event/endpoint.ts";
import type { Logger } from "../event/logger.ts";
import type { SecretSetting } from "../event/secret.ts";
import { inPlaces, list, object } from "./composed.ts";
import { endpoint, type EndpointSettings, retries, secretFile, timeout, url } from "./endpoint.ts";
import { isMapping, kindOf } from "./kind-of.ts";
import { callable, fitting, flag, number, oneOf, whole, withMethods } from "./kinds.ts";
import { listen, type ListenOptions } from "./listen.ts";
import { network, type NetworkOptions } from "./network.ts";
import { declaredEventTypes } from "./patterns.ts";
import { type PluginChoice, pluginChoice } from "./plugin-use.ts";
import { secrets, secretText } from "./secrets.ts";
import { type Fields, type Setting, unfit } from "./setting.ts";
import { logger, now } from "./surroundings.ts";

export interface Retention {
  /** Days that finished events are kept; 0 keeps them until `deliveries` is reached. @default 30 */
  readonly days?: number;
  /** Finished deliveries that are kept at the most. @default 1_000_000 */
  readonly deliveries?: number;
}

const retentionFields = {
  days: { ...number(0, 36_500), default: 30 },
  deliveries: { ...whole(1, 1_000_000_000), default: 1_000_000 },
} satisfies Fields<Retention>;

export const retention = { ...object<Retention>(retentionFields), fields: retentionFields };

export const logLevel = {
  ...oneOf(["debug", "info", "warn", "error", "silent"]),
  variable: "MOVA_WEBHOOK_LOG_LEVEL",
  places: ["file", "environment"],
} as const satisfies Setting<string>;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** What other rooms define is an object here. */
export interface ManagerSettings {
  readonly enabled?: boolean;
  readonly timeout?: number;
  readonly maxRetries?: number;
  readonly secret?: SecretSetting | readonly SecretSetting[];
  readonly secretFile?: string;
  readonly endpoints?: readonly EndpointSettings[];
  readonly plugins?: readonly (PluginChoice | object)[];
  readonly outbox?: object;
  readonly network?: NetworkOptions;
  readonly server?: ListenOptions;
  readonly eventTypes?: readonly string[];
  readonly maxBodyBytes?: number;
  readonly retention?: Retention;
  readonly logLevel?: LogLevel;
  readonly config?: string | false;
  readonly maxInFlight?: number;
  readonly maxSockets?: number;
  readonly background?: boolean;
  readonly logger?: Logger;
  readonly registry?: object;
  readonly tracerProvider?: object;
  readonly now?: () => number;
  readonly random?: () => number;
}

const one = "a plugin such as validation() of mova-webhooks/plugins, or { use: plugin, volume, redact }";
const pluginInCode = fitting(`${one}; by its name, a plugin stands in the configuration file`, isObject);

/** What is wrong with it is said with its own name, when it is used. */
function isObject(value: unknown): value is object {
  return isMapping(value);
}

/** Each is checked by itself, when it is added. */
const endpointInCode = fitting("an endpoint such as { url, secret }", (value): value is WebhookEndpoint =>
  isMapping(value),
);

/** The environment adds one endpoint. */
const endpointOfUrl: Setting<readonly WebhookEndpoint[]> = {
  expected: url.expected,
  read: (value, site) => {
    const reading = url.read(value, site);
    return "value" in reading ? { value: [{ id: "environment", url: reading.value }] } : reading;
  },
};

const configWords = "a path, or false for neither file nor environment";

const fields = {
  enabled: { ...flag, default: true, variable: "MOVA_WEBHOOK_ENABLED" },
  timeout: { ...timeout, variable: "MOVA_WEBHOOK_TIMEOUT" },
  maxRetries: { ...retries, variable: "MOVA_WEBHOOK_MAX_RETRIES" },
  secret: {
    ...inPlaces<SecretSetting | readonly SecretSetting[]>({
      code: secrets,
      file: secretText,
      environment: secretText,
    }),
    code: "SECRET_INVALID",
    variable: "MOVA_WEBHOOK_SECRET",
  },
  secretFile,
  endpoints: {
    ...inPlaces<readonly EndpointSettings[]>({
      code: list(endpointInCode, "a list of endpoints"),
      file: list(endpoint, "a list of endpoints"),
      environment: endpointOfUrl,
    }),
    variable: "MOVA_WEBHOOK_URL",
  },
  plugins: inPlaces<readonly object[]>({
    code: list(pluginInCode, "a list of plugins"),
    file: list(pluginChoice, "a list of plugins"),
  }),
  outbox: withMethods(
    "an outbox such as sqliteOutbox({ path }); by its name, one stands in the configuration file",
    ["put", "claim", "settle"],
  ),
  network,
  server: { ...listen, places: ["file"] },
  eventTypes: declaredEventTypes,
  maxBodyBytes: { ...whole(1024, 104_857_600), default: 1_048_576 },
  retention,
  logLevel,
  config: {
    places: ["code", "environment"],
    variable: "MOVA_WEBHOOK_CONFIG",
    expected: (place) => (place === "code" ? configWords : "a path"),
    read: (value, { place }) => {
      const isPath = typeof value === "string" && value.trim() !== "";
      if (isPath || (value === false && place === "code")) return { value };
      return unfit(configWords, kindOf(value));
    },
  },
  maxInFlight: { ...whole(1, 1_000_000), default: 1024, places: ["code"] },
  maxSockets: { ...whole(1, 1_000_000), places: ["code"] },
  background: { ...flag, default: false, places: ["code"] },
  logger,
  registry: withMethods("a registry of prom-client", ["registerMetric", "getSingleMetric"]),
  tracerProvider: withMethods("a tracer provider of OpenTelemetry", ["getTracer"]),
  now,
  random: callable<() => number>("a function that returns a number from 0 to below 1"),
} satisfies Fields<ManagerSettings>;

export const manager = { ...object<ManagerSettings>(fields), fields };
