/** What a Redis outbox may be given, checked before anything connects. */
import type { Redis, RedisOptions } from "ioredis";
import { WebhookError } from "../../event/errors.ts";
import type { Logger } from "../../event/logger.ts";
import { object } from "../../settings/composed.ts";
import { isMapping } from "../../settings/kind-of.ts";
import { fitting, number, text } from "../../settings/kinds.ts";
import { logger, now } from "../../settings/surroundings.ts";

export interface RedisOutboxOptions {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. @default "redis://127.0.0.1:6379" */
  readonly url?: string;
  /** Instead of a URL: ioredis options, or an ioredis client, which is copied and never used itself. */
  readonly connection?: Redis | RedisOptions;
  /** Beginning of every key. Outboxes that share a Redis but no deliveries need different ones. @default "mova-webhooks" */
  readonly prefix?: string;
  /** How long after the death of its holder a claim may stay out of reach. @default 10000 */
  readonly leaseMs?: number;
  /** Is warned of settings with which Redis may lose deliveries. */
  readonly logger?: Logger;
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
}

export const redisUrl = {
  expected: "a URL that starts with redis:// or rediss://",
  pattern: /^rediss?:\/\/./,
};

export const redisOptions = object<RedisOutboxOptions>(
  {
    url: text(redisUrl.expected, redisUrl),
    connection: fitting("ioredis options, or an ioredis client", (value): value is Redis | RedisOptions =>
      isMapping(value),
    ),
    prefix: { ...text("a key prefix"), default: "mova-webhooks" },
    leaseMs: { ...number(500, 3_600_000), places: ["code"], default: 10_000 },
    logger,
    now,
  },
  {
    // A file that names no Redis rarely means the one of this machine; code that names none does.
    together: ({ url }, { place }) =>
      url === undefined && place !== "code"
        ? { path: ["url"], kind: "missing", expected: redisUrl.expected, got: "undefined" }
        : undefined,
  },
);

export const defaultUrl = "redis://127.0.0.1:6379";

/** Tells a client from options. */
export function isClient(connection: Redis | RedisOptions | undefined): connection is Redis {
  return connection !== undefined && typeof (connection as Partial<Redis>).duplicate === "function";
}

/** Host and port, without user, password or database. Throws CONFIG_INVALID for what cannot be connected to. */
export function addressOf({ url, connection }: RedisOutboxOptions): string {
  if (url !== undefined && connection !== undefined) {
    throw new WebhookError("CONFIG_INVALID", "Expected `url` or `connection` of the Redis outbox, got both");
  }
  if (connection !== undefined) {
    const { path, host = "127.0.0.1", port = 6379 } = isClient(connection) ? connection.options : connection;
    return path ?? `${host}:${port}`;
  }
  const text = url ?? defaultUrl;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === "") {
    const detail = "Expected the Redis outbox's `url` to look like redis://host:6379 or rediss://host:6379";
    throw new WebhookError("CONFIG_INVALID", detail);
  }
  return `${parsed.hostname}:${parsed.port || 6379}`;
}
