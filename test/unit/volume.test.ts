/** Volume control: what is sampled, coalesced and limited, with time and chance given in. */
import type { Volume } from "mova-webhooks/plugin";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkVolume, type EventDraft, VolumeControl } from "../../src/plugin/volume.ts";

/** A clock that is set by hand, with the timers that wait on it. */
function bench(volume: Volume, chances: readonly number[] = []) {
  let now = 1_700_000_000_000;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const emitted: EventDraft[] = [];
  const lost: string[] = [];
  const dropped: Record<string, number> = {};
  const rolls = [...chances];
  const control = new VolumeControl(volume, {
    now: () => now,
    random: () => rolls.shift() ?? 0,
    after(delayMs, run) {
      const timer = { at: now + delayMs, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    emit: (draft) => emitted.push(draft),
    failed: (draft) => lost.push(draft.type),
    dropped: (reason) => (dropped[reason] = (dropped[reason] ?? 0) + 1),
  });
  return {
    emitted,
    dropped,
    lost,
    timers,
    flush: () => control.flush(),
    take: (data: unknown, more: Partial<EventDraft> = {}): void => {
      const draft = { type: "cache.updated", data, ...more };
      if (control.keeps(draft)) control.take(draft);
    },
    advance: (ms: number): void => {
      now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

describe("a sample", () => {
  it("keeps the share that chance decides, and counts the rest", () => {
    const { take, emitted, dropped } = bench({ sample: 0.5 }, [0.4999, 0.5, 0, 0.99]);
    for (const n of [1, 2, 3, 4]) take({ n });
    expect(emitted.map(({ data }) => data)).toEqual([{ n: 1 }, { n: 3 }]);
    expect(dropped).toEqual({ sampled: 2 });
  });

  it("of nothing keeps nothing, but what is fatal", () => {
    const { take, emitted } = bench({ sample: 0 }, [0, 0, 0]);
    take({ n: 1 });
    take({ n: 2 }, { fatal: true });
    expect(emitted.map(({ data }) => data)).toEqual([{ n: 2 }]);
  });
});

describe("coalescing", () => {
  const volume = { coalesce: { windowSeconds: 10, key: "key" } };

  it("makes events of one key and window one event, the last, with their number", () => {
    const { take, advance, emitted, dropped } = bench(volume);
    take({ key: "a", size: 1 });
    take({ key: "b", size: 1 });
    advance(4000);
    take({ key: "a", size: 2 });
    advance(5999);
    expect(emitted).toEqual([]);
    advance(1);
    expect(emitted.map(({ data }) => data)).toEqual([
      { key: "a", size: 2, count: 2 },
      { key: "b", size: 1, count: 1 },
    ]);
    expect(dropped).toEqual({ coalesced: 1 });
    take({ key: "a", size: 3 });
    advance(10_000);
    expect(emitted.at(-1)?.data).toEqual({ key: "a", size: 3, count: 1 });
  });

  it("keeps types apart, and takes the type alone where no key is named", () => {
    const { take, flush, emitted } = bench({ coalesce: { windowSeconds: 1 } });
    take({ key: "a" });
    take({ key: "b" });
    take({}, { type: "cache.cleared" });
    flush();
    expect(emitted).toEqual([
      { type: "cache.updated", data: { key: "b", count: 2 } },
      { type: "cache.cleared", data: { count: 1 } },
    ]);
  });

  it("reads several fields and paths as the key, and data that is no object", () => {
    const { take, flush, emitted } = bench({ coalesce: { windowSeconds: 1, key: ["a", "b.c"] } });
    take({ a: 1, b: { c: 1 } });
    take({ a: 1, b: { c: 2 } });
    take({ a: 1, b: { c: 2 } });
    take("a text");
    flush();
    expect(emitted.map(({ data }) => data)).toEqual([
      { a: 1, b: { c: 1 }, count: 1 },
      { a: 1, b: { c: 2 }, count: 2 },
      { data: "a text", count: 1 },
    ]);
  });

  it("tells keys that are objects apart by what would be stored of them", () => {
    const { take, flush, emitted } = bench(volume);
    for (const key of [{ a: 1, b: [2] }, { b: [2], a: 1 }, { a: 2 }, [1], [2]]) take({ key });
    for (const key of [1, "1", null, undefined, "undefined", new Date(0), new Date(1)]) take({ key });
    flush();
    expect(emitted.map(({ data }) => (data as { count: number }).count)).toEqual([
      2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ]);
  });

  it("loses only the event whose data cannot be read any more", () => {
    let broken = false;
    const fragile = {
      key: "b",
      get size(): number {
        if (broken) throw new Error("gone");
        return 1;
      },
    };
    for (const end of ["advance", "flush"] as const) {
      broken = false;
      const { take, advance, flush, emitted, lost, timers } = bench(volume);
      take({ key: "a" });
      take(fragile);
      take({ key: "c" });
      broken = true;
      if (end === "flush") flush();
      else advance(10_000);
      expect(emitted.map(({ data }) => (data as { key: string }).key)).toEqual(["a", "c"]);
      expect([lost, timers.size]).toEqual([["cache.updated"], 0]);
    }
  });

  it("lets what is fatal through at once", () => {
    const { take, emitted } = bench(volume);
    take({ key: "a" }, { fatal: true });
    expect(emitted).toEqual([{ type: "cache.updated", data: { key: "a" }, fatal: true }]);
  });

  it("holds no more than a thousand keys: the oldest leaves early, and nothing is lost", () => {
    const { take, flush, emitted } = bench(volume);
    for (let n = 0; n < 1500; n += 1) take({ key: String(n) });
    expect(emitted).toHaveLength(500);
    flush();
    expect(new Set(emitted.map(({ data }) => (data as { key: string }).key)).size).toBe(1500);
  });

  it("leaves no timer behind a flush", () => {
    const { take, flush, timers } = bench(volume);
    take({ key: "a" });
    expect(timers.size).toBe(1);
    flush();
    expect(timers.size).toBe(0);
  });

  it("loses nothing, whatever comes when", () => {
    const step = fc.record({ key: fc.constantFrom("a", "b", "c"), waitMs: fc.nat(15_000) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { take, advance, flush, emitted } = bench(volume);
        for (const { key, waitMs } of steps) {
          take({ key });
          advance(waitMs);
        }
        flush();
        const total = emitted.reduce((sum, { data }) => sum + (data as { count: number }).count, 0);
        expect(total).toBe(steps.length);
      }),
    );
  });
});

describe("a rate limit", () => {
  it("lets so many through at once, drops and counts the rest, and recovers with time", () => {
    const { take, advance, emitted, dropped } = bench({ maxPerSecond: 10 });
    for (let n = 0; n < 25; n += 1) take({ n });
    expect([emitted.length, dropped]).toEqual([10, { rate_limited: 15 }]);
    advance(500);
    for (let n = 0; n < 25; n += 1) take({ n });
    expect(emitted).toHaveLength(15);
  });

  it("below one a second still lets one through", () => {
    const { take, advance, emitted } = bench({ maxPerSecond: 0.1 });
    take({ n: 1 });
    advance(9999);
    take({ n: 2 });
    advance(1);
    take({ n: 3 });
    expect(emitted.map(({ data }) => data)).toEqual([{ n: 1 }, { n: 3 }]);
  });

  it("keeps a budget for what is fatal, which small errors cannot spend", () => {
    const { take, emitted } = bench({ maxPerSecond: 2 });
    for (let n = 0; n < 5; n += 1) take({ n });
    for (let n = 5; n < 10; n += 1) take({ n }, { fatal: true });
    expect(emitted.map(({ data }) => (data as { n: number }).n)).toEqual([0, 1, 5, 6]);
  });

  it("applies to what coalescing lets go, but not at the end", () => {
    const { take, advance, flush, emitted, dropped } = bench({
      maxPerSecond: 1,
      coalesce: { windowSeconds: 1, key: "key" },
    });
    for (const key of ["a", "b", "c"]) take({ key });
    advance(1000);
    expect([emitted.length, dropped]).toEqual([1, { rate_limited: 2 }]);
    for (const key of ["a", "b", "c"]) take({ key });
    flush();
    expect(emitted).toHaveLength(4);
  });
});

describe("settings that cannot be", () => {
  it.each([
    [{ sample: 7 }, "Expected `volume.sample` of plugin `cache` to be from 0 to 1, got `7`"],
    [{ sample: Number.NaN }, "to be from 0 to 1, got `NaN`"],
    [{ sample: "0.5" }, 'to be from 0 to 1, got `"0.5"`'],
    [{ maxPerSecond: -1 }, "`volume.maxPerSecond` of plugin `cache` to be from 0.001 to 1000000, got `-1`"],
    [
      { coalesce: {} },
      "`volume.coalesce.windowSeconds` of plugin `cache` to be seconds from 0.01 to 86400, got undefined",
    ],
    [{ coalesce: { windowSeconds: 0 } }, "to be seconds from 0.01 to 86400, got `0`"],
    [{ coalesce: true }, "`volume.coalesce` of plugin `cache` to be an object, got a boolean"],
    [
      { coalesce: { windowSeconds: 1, key: ["key", 1] } },
      "`volume.coalesce.key` of plugin `cache` to be a field",
    ],
    [{ coalesce: { windowSeconds: 1, key: "" } }, 'or a list of them, got `""`'],
    [
      { sampel: 1 },
      "In `volume` of plugin `cache`: unknown key `sampel`; did you mean `sample`? Known here: sample, coalesce, maxPerSecond",
    ],
    [{ coalesce: { windowMs: 5 } }, "unknown key `windowMs`; did you mean `windowSeconds`?"],
    [{ coalesce: { windowSeconds: 1, key: null } }, "or a list of them, got null"],
    [[], "`volume` of plugin `cache` to be an object, got a list"],
    [null, "got null"],
  ])("%j are refused", (volume, message) => {
    const refused = (): void => checkVolume("cache", volume as Volume);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(refused).toThrow(/\. Correct the value the message points at\.$/);
  });

  it("are not those at the edge", () => {
    for (const sample of [0, 1]) expect(() => checkVolume("cache", { sample })).not.toThrow();
    for (const key of ["key", "a key.b", ["a", "b.c"], []]) {
      const volume = { maxPerSecond: 0.001, coalesce: { windowSeconds: 86_400, key } };
      expect(() => checkVolume("cache", volume)).not.toThrow();
    }
  });
});
