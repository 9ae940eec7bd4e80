/** The settings of a receiver, and of what remembers the events that it handled. */
import type { Logger } from "../event/logger.ts";
import { list, object, oneOrMore } from "./composed.ts";
import { fitting, number, oneOf, seconds, text, withMethods } from "./kinds.ts";
import { secretText } from "./secrets.ts";
import type { Fields } from "./setting.ts";
import { logger, now } from "./surroundings.ts";

/** What other rooms define is an object here. */
interface ReceiverSettings {
  readonly secret: string | readonly string[];
  readonly require?: "standard" | "mova" | "both";
  readonly signature?: "sha256" | "sha1";
  readonly tolerance?: number;
  readonly maxBytes?: number;
  readonly store?: object;
  readonly logger?: Logger;
  readonly now?: () => number;
}

const fields = {
  secret: {
    ...oneOrMore(secretText, list(secretText, "a list of secrets", { min: 1 })),
    code: "SECRET_INVALID",
    required: true,
  },
  require: { ...oneOf(["standard", "mova", "both"]), default: "standard" },
  signature: { ...oneOf(["sha256", "sha1"]), default: "sha256" },
  tolerance: { ...seconds(0, 86_400), default: 300 },
  maxBytes: { ...number(1, Number.POSITIVE_INFINITY, "bytes "), default: 1_048_576 },
  store: withMethods("a store such as memoryStore()", ["claim"]),
  logger,
  now,
} satisfies Fields<ReceiverSettings>;

export const receiver = { ...object<ReceiverSettings>(fields), fields };

/** What remembers events has these, wherever it keeps them. */
const times = {
  retention: { ...seconds(0.001, 31_536_000), default: 86_400 },
  lease: { ...seconds(0.001, 31_536_000), default: 300 },
};

interface StoreTimes {
  readonly retention?: number;
  readonly lease?: number;
}

const memoryStoreFields = {
  ...times,
  maxEvents: { ...number(1), default: 100_000 },
  now,
} satisfies Fields<StoreTimes & { readonly maxEvents?: number; readonly now?: () => number }>;

export const memoryStore = {
  ...object<StoreTimes & { readonly maxEvents?: number; readonly now?: () => number }>(memoryStoreFields),
  fields: memoryStoreFields,
};

/** ioredis has the one method, node-redis the other. */
const redisClient = fitting(
  "a client of ioredis or node-redis",
  (value): value is object =>
    typeof value === "object" &&
    value !== null &&
    ["call", "sendCommand"].some((method) => typeof Reflect.get(value, method) === "function"),
);

const redisStoreFields = {
  ...times,
  client: { ...redisClient, required: true },
  prefix: { ...text("a key prefix", { pattern: /^/ }), default: "mova-webhooks:received:" },
} satisfies Fields<StoreTimes & { readonly client: object; readonly prefix?: string }>;

export const redisStore = {
  ...object<StoreTimes & { readonly client: object; readonly prefix?: string }>(redisStoreFields),
  fields: redisStoreFields,
};
