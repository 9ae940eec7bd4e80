import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outcomeOfStatus } from "../../src/delivery/http/response.ts";
import { decideSettlement, disableReason, retryDelayMs, verdictOf } from "../../src/delivery/policy/retry.ts";
import { parseRetryAfter } from "../../src/delivery/policy/retry-after.ts";
import type { AttemptOutcome } from "../../src/event/attempt-outcome.ts";
import { resolveSending } from "../../src/settings/sending.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const middle = (): number => 0.5;

function status(code: number, more: Partial<AttemptOutcome> = {}): AttemptOutcome {
  return { outcome: outcomeOfStatus(code), status: code, durationMs: 1, ...more };
}

describe("what follows an attempt", () => {
  it.each([
    [200, "delivered"],
    [204, "delivered"],
    [299, "delivered"],
    [301, "retry"],
    [308, "retry"],
    [400, "dead"],
    [401, "dead"],
    [404, "dead"],
    [408, "retry"],
    [410, "disable"],
    [422, "dead"],
    [425, "retry"],
    [429, "retry"],
    [499, "dead"],
    [500, "retry"],
    [503, "retry"],
    [599, "retry"],
    [600, "retry"],
  ])("a %d is %s", (code, verdict) => {
    expect(verdictOf(status(code))).toBe(verdict);
    const kind = verdict === "disable" ? "dead" : verdict;
    expect(decideSettlement(status(code), 1, { retries: 3 }, now, middle).kind).toBe(kind);
  });

  it.each(["timeout", "dns", "connect", "tls", "reset", "invalid_response"] as const)(
    "a %s is tried again",
    (outcome) => {
      expect(decideSettlement({ outcome, durationMs: 1 }, 1, { retries: 1 }, now, middle).kind).toBe("retry");
    },
  );

  it("a refused address is dead at once, because trying again cannot help", () => {
    const settlement = decideSettlement(
      { outcome: "blocked", durationMs: 0 },
      1,
      { retries: 3 },
      now,
      middle,
    );
    expect(settlement).toEqual({ kind: "dead", reason: "blocked" });
    expect(verdictOf({ outcome: "blocked", durationMs: 0 })).toBe("dead");
  });

  it("the attempt after the last retry is dead with its outcome as the reason", () => {
    expect(decideSettlement(status(500), 3, { retries: 3 }, now, middle).kind).toBe("retry");
    expect(decideSettlement(status(500), 4, { retries: 3 }, now, middle)).toEqual({
      kind: "dead",
      reason: "http_5xx",
    });
    expect(decideSettlement(status(500), 1, { retries: 0 }, now, middle).kind).toBe("dead");
  });

  it("a Retry-After longer than the backoff is waited for, up to a day", () => {
    const dueAt = (retryAfterMs: number): number => {
      const settlement = decideSettlement(status(429, { retryAfterMs }), 1, { retries: 3 }, now, middle);
      return settlement.kind === "retry" ? settlement.dueAt - now : Number.NaN;
    };
    expect(dueAt(120_000)).toBe(120_000);
    expect(dueAt(10)).toBe(1000);
    expect(dueAt(1e15)).toBe(86_400_000);
    expect(dueAt(Number.POSITIVE_INFINITY)).toBe(86_400_000);
  });

  it("a 429 without it waits longer than the first step of the plan, and never shorter than the plan", () => {
    const endpoint = { retries: 9, throttledWaitMs: 10_000 };
    const dueAt = (
      code: number,
      attempt: number,
      settings: typeof endpoint | { retries: number },
    ): number => {
      const settlement = decideSettlement(status(code), attempt, settings, now, middle);
      return settlement.kind === "retry" ? settlement.dueAt - now : Number.NaN;
    };
    expect(dueAt(429, 1, endpoint)).toBe(10_500);
    expect(dueAt(503, 1, endpoint)).toBe(1000);
    expect(dueAt(429, 5, endpoint)).toBe(16_000);
    expect(dueAt(429, 1, { retries: 9 })).toBe(1000);
  });
});

describe("an endpoint's own rules", () => {
  const { statusRules = [] } = resolveSending({
    statusRules: { "4xx": "retry", "404": "delivered", "410": "dead", "503": "disable" },
  });

  it.each([
    [404, "delivered"],
    [400, "retry"],
    [410, "dead"],
    [503, "disable"],
    [500, "retry"],
    [200, "delivered"],
  ])("make a %d %s", (code, verdict) => {
    expect(verdictOf(status(code), statusRules)).toBe(verdict);
  });

  it("cannot give more retries than there are", () => {
    expect(decideSettlement(status(400), 3, { retries: 2, statusRules }, now, middle)).toEqual({
      kind: "dead",
      reason: "http_4xx",
    });
  });
});

describe("what the receiver says of itself", () => {
  it("a 410 is dead and disables, unless a rule says otherwise", () => {
    expect(disableReason(status(410), verdictOf(status(410)))).toBe("http_410");
    expect(disableReason(status(410), "dead")).toBeUndefined();
  });

  it("`disable` disables whatever the status was, and changes nothing for the delivery", () => {
    for (const [code, kind] of [
      [200, "delivered"],
      [503, "retry"],
    ] as const) {
      const outcome = status(code, { control: "disable" });
      expect(disableReason(outcome, verdictOf(outcome))).toBe("webhook-delivery: disable");
      expect(decideSettlement(outcome, 1, { retries: 3 }, now, middle).kind).toBe(kind);
    }
  });

  it("`abort-message` makes a failure dead at once, and leaves a success alone", () => {
    const aborted = status(503, { control: "abort-message" });
    expect(decideSettlement(aborted, 1, { retries: 3 }, now, middle)).toEqual({
      kind: "dead",
      reason: "webhook-delivery: abort-message",
    });
    expect(verdictOf(aborted)).toBe("dead");
    expect(disableReason(aborted, "dead")).toBeUndefined();
    const taken = status(200, { control: "abort-message" });
    expect(decideSettlement(taken, 1, { retries: 3 }, now, middle).kind).toBe("delivered");
  });
});

describe("the backoff", () => {
  it("doubles from one second to one hour", () => {
    const delays = Array.from({ length: 14 }, (_, index) => retryDelayMs(index + 1, undefined, middle));
    expect(delays.slice(0, 5)).toEqual([1000, 2000, 4000, 8000, 16_000]);
    expect(delays.slice(-2)).toEqual([3_600_000, 3_600_000]);
  });

  it("is spread over half to one and a half of itself, never beyond", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (retry, chance) => {
          const planned = Math.min(3_600_000, 1000 * 2 ** (retry - 1));
          const delay = retryDelayMs(retry, undefined, () => chance);
          expect(delay).toBeGreaterThanOrEqual(planned / 2);
          expect(delay).toBeLessThanOrEqual(planned * 1.5);
        },
      ),
    );
  });

  it("follows a schedule, repeating its last entry, never earlier than it says", () => {
    const schedule = [5000, 60_000];
    expect([1, 2, 3, 4].map((retry) => retryDelayMs(retry, schedule, () => 0))).toEqual([
      5000, 60_000, 60_000, 60_000,
    ]);
    expect(retryDelayMs(1, schedule, () => 0.999)).toBeLessThan(5500);
  });
});

describe("Retry-After", () => {
  it.each([
    ["120", 120_000],
    [" 7 ", 7000],
    ["0", 0],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["-5", undefined],
    ["1.5", 2000],
    ["120.0", 120_000],
    ["0.2", 1000],
    [".5", undefined],
    ["Thursday, 01-Jan-26 00:01:00 GMT", 60_000],
    ["Wednesday, 31-Dec-25 00:00:00 GMT", 0],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 0],
    ["Thu Jan  1 00:01:00 2026", 60_000],
    ["Thu Jan 11 00:00:00 2026", 864_000_000],
    ["Thu Foo 11 00:00:00 2026", undefined],
    ["soon", undefined],
    ["2026-01-01", undefined],
    ["on Thu, 01 Jan 2026 00:01:00 GMT", undefined],
    ["", undefined],
    ["1e9", undefined],
    ["9999999999999", 9_999_999_999_999_000],
    [undefined, undefined],
  ])("%j is %s ms", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});
