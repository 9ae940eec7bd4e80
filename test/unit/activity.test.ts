import { describe, expect, it } from "vitest";
import type { AttemptedFact } from "../../src/telemetry/lifecycle.ts";
import { createActivity } from "../../src/telemetry/activity.ts";

function fact(endpointId: string, outcome: "success" | "http_5xx", status?: number): AttemptedFact {
  const ids = { deliveryId: "d", eventId: "e", eventType: "cache.updated", endpointId };
  const ended = { outcome, durationMs: 1, ...(status === undefined ? {} : { status }) };
  return { ...ids, attempt: 1, replay: 0, outcome: ended, next: "delivered" };
}

function watched() {
  const clock = { now: 1_000_000 };
  const activity = createActivity(() => clock.now);
  return {
    clock,
    activity,
    attempted: (endpointId: string) => activity.attempted?.(fact(endpointId, "success")),
  };
}

describe("activity", () => {
  it("counts attempts by second and outcome, oldest first", () => {
    const { clock, activity } = watched();
    activity.attempted?.(fact("a", "success"));
    activity.attempted?.(fact("b", "success"));
    clock.now += 999;
    activity.attempted?.(fact("a", "http_5xx"));
    clock.now += 1;
    activity.attempted?.(fact("a", "success"));
    const seconds = [
      { at: 1000, outcomes: { success: 2, http_5xx: 1 } },
      { at: 1001, outcomes: { success: 1 } },
    ];
    expect(activity.secondsFrom(0)).toEqual(seconds);
    expect(activity.secondsFrom(1001)).toEqual(seconds.slice(1));
  });

  it("remembers five minutes and no more", () => {
    const { clock, activity, attempted } = watched();
    for (let second = 0; second < 2000; second += 1) {
      clock.now += 1000;
      attempted("a");
    }
    const seconds = activity.secondsFrom(0);
    expect(seconds).toHaveLength(300);
    expect(seconds.at(-1)?.at).toBe(clock.now / 1000);
  });

  it("remembers the last attempt of an endpoint, and of no more than a thousand", () => {
    const { activity, attempted } = watched();
    activity.attempted?.(fact("a", "http_5xx", 503));
    expect(activity.lastAttempt("a")).toEqual({ at: 1_000_000, outcome: "http_5xx", status: 503 });
    for (let endpoint = 0; endpoint < 1000; endpoint += 1) attempted(`e${endpoint}`);
    expect(activity.lastAttempt("a")).toBeUndefined();
    expect(activity.lastAttempt("e999")).toEqual({ at: 1_000_000, outcome: "success" });
  });

  it("forgets the endpoint that was quiet longest, not the one it has known longest", () => {
    const { activity, attempted } = watched();
    attempted("busy");
    attempted("quiet");
    for (let endpoint = 0; endpoint < 998; endpoint += 1) attempted(`e${endpoint}`);
    attempted("busy");
    attempted("new");
    expect(["busy", "quiet", "new"].map((id) => activity.lastAttempt(id) !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("grows its revision with what changes the view", () => {
    const { activity, attempted } = watched();
    const tell = [
      () => attempted("a"),
      () => activity.stored?.({ eventId: "e", eventType: "cache.updated", deliveries: 1 }),
      () => activity.endpointChanged?.({ endpointId: "a", enabled: false, reason: "by hand" }),
      () => activity.circuitChanged?.({ endpointId: "a", state: "open", until: 1 }),
    ];
    const revisions = tell.map((told) => {
      told();
      return activity.revision;
    });
    expect(revisions).toEqual([1, 2, 3, 4]);
  });
});
