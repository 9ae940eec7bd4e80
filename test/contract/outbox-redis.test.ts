/** Holds the Redis outbox to the outbox contract. */
import { describe, it } from "vitest";
import { outboxSuite, reasonToSkip } from "../../src/testing/outbox-suite.ts";
import { reasonWithoutRedis, redisSubject } from "../support/redis-subject.ts";

const without = await reasonWithoutRedis();

describe("the Redis outbox", () => {
  for (const { name, run, needs } of outboxSuite) {
    it(name, async ({ skip, onTestFinished }) => {
      if (without !== undefined) skip(without);
      const subject = redisSubject();
      onTestFinished(() => subject.end());
      const reason = reasonToSkip(needs, subject, await subject.open());
      if (reason !== undefined) skip(reason);
      await run(subject);
    });
  }
});
