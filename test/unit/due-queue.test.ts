/** The queue of waiting deliveries gives out the longest due first, whatever order they came in. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { DueQueue } from "../../src/outbox/memory/waiting.ts";

it("pops by due time, and equal due times in the order of storing", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), fc.nat({ max: 10 }), (dueTimes, early) => {
      const queue = new DueQueue<{ dueAt: number; sequence: number }>();
      const items = dueTimes.map((dueAt, sequence) => ({ dueAt, sequence }));
      for (const item of items) queue.push(item);
      const sorted = items.toSorted(
        (left, right) => left.dueAt - right.dueAt || left.sequence - right.sequence,
      );
      const taken = sorted.slice(0, early).map(() => queue.pop());
      expect(queue.peek()).toEqual(sorted[taken.length]);
      for (const item of taken) if (item) queue.push(item);
      expect(queue.size).toBe(items.length);
      expect(items.map(() => queue.pop())).toEqual(sorted);
      expect(queue.pop()).toBeUndefined();
    }),
  );
});
