/** The outbox for several machines: records in Redis or Valkey, claims through BullMQ. */
/// <reference types="node" preserve="true" />
import { check } from "../../settings/check.ts";
import type { Outbox } from "../outbox.ts";
import { everyInterval } from "../ticker.ts";
import { RedisOutbox } from "./redis-outbox.ts";
import { redisOptions, type RedisOutboxOptions } from "./options.ts";
import { RedisSession } from "./session.ts";

export { checkRedisSettings, type RedisFinding } from "./server-settings.ts";
export type { RedisOutboxOptions } from "./options.ts";

/**
 * Keeps deliveries in Redis 6.2 or later, or Valkey. Needs the packages `bullmq` and `ioredis`, which are loaded, and
 * connects, on first use. Throws CONFIG_INVALID.
 *
 * What holds across machines: an event id is stored once; a delivery has one holder at a time; retries, dead letters,
 * search and replay are common to all; one endpoint's backlog delays no other's. What does not: an endpoint's
 * `concurrency`, `rateLimit` and circuit are each process's own, so that N processes attempt up to N times as much.
 * Due times are read by each machine's own clock.
 *
 * What Redis keeps is what its settings promise: `appendonly yes`, `appendfsync always` for power loss, and
 * `maxmemory-policy noeviction`; the logger is told where the first or the last is missing.
 */
export function redisOutbox(options: RedisOutboxOptions = {}): Outbox {
  const checked = check("redisOutbox()", redisOptions, options);
  return new RedisOutbox(new RedisSession(checked), everyInterval);
}
