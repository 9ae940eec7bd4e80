/** Asks a Redis for its time: the clocks of those who share it should agree. */
import type { RedisOutboxOptions } from "./options.ts";
import { RedisSession } from "./session.ts";

/** Connects, asks, and closes. Returns Unix milliseconds. Rejects with DEPENDENCY_MISSING or OUTBOX_UNAVAILABLE. */
export async function readRedisClock(options: RedisOutboxOptions): Promise<number> {
  const session = new RedisSession(options);
  try {
    const [seconds, microseconds] = await session.use(({ client }) => client.time());
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  } finally {
    session.close();
  }
}
