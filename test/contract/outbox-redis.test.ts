/** Holds the Redis outbox to the outbox contract. */
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import { describe, expect, it } from "vitest";
import { attemptOf, deliveryId, putAndClaim, submissionOf } from "../../src/testing/outbox-subject.ts";
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

describe("a Redis outbox with a clock of its own", () => {
  it.skipIf(without).each([
    ["a day ahead", 86_400_000],
    ["a day behind", -86_400_000],
  ])("tells what is due by it: %s", async (_, aheadMs) => {
    const real = redisSubject();
    const now = () => Date.now() + aheadMs;
    const subject = { ...real, now };
    const outbox = await real.open({ now });
    try {
      const claim = await putAndClaim(subject, outbox, "evt_1");
      const dueAt = now() + 300;
      await outbox.settle(claim, { kind: "retry", dueAt, reason: "http_5xx" }, attemptOf(claim));
      expect(await outbox.due()).toEqual({ endpointIds: [], nextAt: dueAt });
      expect(await claimsOf(outbox, "ops", 1)).toEqual([]);
      await expect.poll(() => outbox.due()).toEqual({ endpointIds: ["ops"] });
      await expect.poll(async () => (await claimsOf(outbox, "ops", 1)).length).toBe(1);
      await outbox.put([submissionOf(subject, "evt_2")]);
      await outbox.bury("ops", "endpoint removed");
      const buried = await outbox.get(deliveryId("evt_2"));
      expect(Math.abs((buried?.dueAt ?? 0) - now())).toBeLessThan(60_000);
    } finally {
      await real.end();
    }
  });
});
