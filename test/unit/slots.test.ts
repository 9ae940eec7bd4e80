import { describe, expect, it } from "vitest";
import { Slots } from "../../src/delivery/lane/slots.ts";

/** Tasks that end when they are told to. */
function tasks() {
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  return {
    begun,
    task: (n: number) => () => {
      begun.push(n);
      return new Promise<void>((resolve) => ends.set(n, resolve));
    },
    end: async (n: number) => {
      ends.get(n)?.();
      await new Promise(setImmediate);
    },
  };
}

describe("slots", () => {
  it("run so many at once, the others in the order they came", async () => {
    const { begun, task, end } = tasks();
    const slots = new Slots(2);
    for (const n of [1, 2, 3, 4]) slots.add(task(n));
    expect(begun).toEqual([1, 2]);
    await end(2);
    expect(begun).toEqual([1, 2, 3]);
    await end(1);
    expect(begun).toEqual([1, 2, 3, 4]);
  });

  it("forget what has not begun", async () => {
    const { begun, task, end } = tasks();
    const slots = new Slots(1);
    for (const n of [1, 2]) slots.add(task(n));
    slots.clear();
    slots.add(task(3));
    await end(1);
    expect(begun).toEqual([1, 3]);
  });

  it("become more at once, and fewer as tasks end", async () => {
    const { begun, task, end } = tasks();
    const slots = new Slots(1);
    for (const n of [1, 2, 3, 4, 5]) slots.add(task(n));
    slots.concurrency = 3;
    expect(begun).toEqual([1, 2, 3]);
    slots.concurrency = 1;
    await end(1);
    await end(2);
    expect(begun).toEqual([1, 2, 3]);
    await end(3);
    expect(begun).toEqual([1, 2, 3, 4]);
  });
});
