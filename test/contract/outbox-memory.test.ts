/** Holds the memory outbox to the outbox contract. */
import { describe, it } from "vitest";
import { memoryOutbox } from "../../src/outbox/memory/memory-outbox.ts";
import { outboxSuite, reasonToSkip } from "../../src/testing/outbox-suite.ts";
import type { OutboxSubject } from "../../src/testing/outbox-suite.ts";

function memorySubject(): OutboxSubject {
  let now = 1_790_000_000_000;
  return {
    open: async () => memoryOutbox({ now: () => now }),
    openBounded: async (maxDeliveries) => memoryOutbox({ now: () => now, maxDeliveries }),
    now: () => now,
    advance: async (ms) => {
      now += ms;
    },
    crash: () => Promise.reject(new Error("a memory outbox dies with its process")),
  };
}

describe("the memory outbox", () => {
  for (const { name, run, needs } of outboxSuite) {
    it(name, async ({ skip }) => {
      const subject = memorySubject();
      const reason = reasonToSkip(needs, subject, await subject.open());
      if (reason !== undefined) skip(reason);
      await run(subject);
    });
  }
});
