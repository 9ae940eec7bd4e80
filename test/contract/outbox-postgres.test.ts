/** Holds the Postgres outbox to the outbox contract. */
import { describe, expect, it } from "vitest";
import { claimsOf, submissionOf } from "../../src/testing/outbox-subject.ts";
import { outboxSuite, reasonToSkip } from "../../src/testing/outbox-suite.ts";
import { postgresSubject, reasonWithoutPostgres } from "../support/postgres-subject.ts";

const without = await reasonWithoutPostgres();

describe("the Postgres outbox", () => {
  for (const { name, run, needs } of outboxSuite) {
    it(name, async ({ skip, onTestFinished }) => {
      if (without !== undefined) skip(without);
      const subject = postgresSubject();
      onTestFinished(() => subject.end());
      const reason = reasonToSkip(needs, subject, await subject.open());
      if (reason !== undefined) skip(reason);
      await run(subject);
    });
  }
});

it.skipIf(without !== undefined)(
  "processes that race for order keys never hold two deliveries of one, and deliver each in order",
  async ({ onTestFinished }) => {
    const subject = postgresSubject(10_000);
    onTestFinished(() => subject.end());
    const outboxes = [await subject.open(), await subject.open(), await subject.open()];
    const keys = ["a", "b", "c"];
    const numbers = Array.from({ length: 60 }, (_, index) => index);
    await outboxes[0]?.put(
      numbers.map((n) => submissionOf(subject, `evt_${n}`, ["ops"], { orderKey: keys[n % 3] ?? "a" })),
    );
    const held = new Set<string>();
    const came: number[] = [];
    const overlaps: string[] = [];
    async function work(outbox: (typeof outboxes)[number]): Promise<void> {
      while (came.length < numbers.length) {
        const claims = await claimsOf(outbox, "ops", 5, { order: "block" });
        for (const { id, orderKey = "" } of claims) {
          if (held.has(orderKey)) overlaps.push(id);
          held.add(orderKey);
        }
        for (const claim of claims) {
          came.push(Number(claim.event.id.slice(4)));
          held.delete(claim.orderKey ?? "");
          await outbox.settle(claim, { kind: "delivered" });
        }
      }
    }
    await Promise.all(outboxes.map(work));
    expect(overlaps).toEqual([]);
    for (const [index] of keys.entries()) {
      const ofKey = came.filter((n) => n % 3 === index);
      expect(ofKey).toEqual(numbers.filter((n) => n % 3 === index));
    }
  },
);
