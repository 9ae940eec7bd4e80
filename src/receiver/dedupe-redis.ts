/** Remembers handled events in Redis or Valkey, for receivers on several machines. */
import { randomUUID } from "node:crypto";
import { check } from "../settings/check.ts";
import { redisStore as settings } from "../settings/receiver.ts";
import { type DedupeOptions, type DedupeStore, dedupeTimes } from "./dedupe-store.ts";

/** A client of ioredis or of node-redis; neither is loaded here. */
export type RedisCommands =
  | { call(command: string, ...args: string[]): Promise<unknown> }
  | { sendCommand(args: string[]): Promise<unknown> };

export interface RedisStoreOptions extends DedupeOptions {
  readonly client: RedisCommands;
  /** Receivers that handle the same events each for themselves need different ones. @default "mova-webhooks:received:" */
  readonly prefix?: string;
}

const done = "done";

/** Deletes a key only while it is the caller's: after the lease ran out it may be somebody else's. */
const releaseScript =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/** Makes a store in Redis. Throws CONFIG_INVALID for times that cannot work. The client's errors reject the calls, which the receiver answers with 503. */
export function redisStore(given: RedisStoreOptions): DedupeStore {
  const options = check("`redisStore()`", settings, given) as RedisStoreOptions;
  const { client, prefix = settings.fields.prefix.default } = options;
  const { retentionMs, leaseMs } = dedupeTimes(options);

  function run(command: string, ...args: string[]): Promise<unknown> {
    return "call" in client ? client.call(command, ...args) : client.sendCommand([command, ...args]);
  }

  return {
    async claim(id) {
      const key = prefix + id;
      const token = randomUUID();
      const set = await run("SET", key, token, "NX", "PX", String(leaseMs));
      if (set === null) return (await run("GET", key)) === done ? { state: "done" } : { state: "busy" };
      return {
        state: "claimed",
        async complete() {
          await run("SET", key, done, "PX", String(retentionMs));
        },
        async release() {
          await run("EVAL", releaseScript, "1", key, token);
        },
      };
    },
  };
}
