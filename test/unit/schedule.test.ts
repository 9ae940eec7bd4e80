import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { retryDelayMs } from "../../src/delivery/policy/retry.ts";
import { printSchedule, scheduleOf } from "../../src/delivery/policy/schedule.ts";

describe("the schedule of an endpoint", () => {
  it("of the defaults has four attempts, at the latest when every one took its timeout", () => {
    expect(scheduleOf({ retries: 3, timeoutMs: 30_000 })).toEqual([
      { attempt: 1, earliestMs: 0, latestMs: 0 },
      { attempt: 2, earliestMs: 500, latestMs: 31_500 },
      { attempt: 3, earliestMs: 1500, latestMs: 64_500 },
      { attempt: 4, earliestMs: 3500, latestMs: 100_500 },
    ]);
  });

  it("follows the endpoint's own waits, the last repeating", () => {
    const schedule = scheduleOf({ retries: 3, timeoutMs: 1000, retryScheduleMs: [5000, 60_000] });
    expect(schedule.map(({ earliestMs }) => earliestMs)).toEqual([0, 5000, 65_000, 125_000]);
    expect(schedule.map(({ latestMs }) => Math.round(latestMs))).toEqual([0, 6500, 73_500, 140_500]);
  });

  it("bounds whatever chance makes of the waits", () => {
    const chances = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 9 });
    fc.assert(
      fc.property(chances, (chance) => {
        let at = 0;
        for (const { attempt, earliestMs, latestMs } of scheduleOf({ retries: 9, timeoutMs: 10 })) {
          if (attempt > 1) at += retryDelayMs(attempt - 1, undefined, () => chance[attempt - 2] ?? 0);
          expect(at).toBeGreaterThanOrEqual(earliestMs);
          expect(at).toBeLessThanOrEqual(latestMs);
        }
      }),
    );
  });

  it("is printed a line for each attempt", () => {
    const retryScheduleMs = [5000, 300_000, 7_200_000, 172_800_000];
    expect(printSchedule(scheduleOf({ retries: 4, timeoutMs: 30_000, retryScheduleMs })).split("\n")).toEqual(
      [
        "attempt 1  at once",
        "attempt 2  after 5 s to 35.5 s",
        "attempt 3  after 5 min 5 s to 6 min 35 s",
        "attempt 4  after 2 h 5 min to 2 h 19 min",
        "attempt 5  after 2 d 2 h to 2 d 7 h",
      ],
    );
  });
});
