/** The doctor's look at the clock: can it be right, and how far is it from the clocks of others that are asked anyway? */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Finding } from "./doctor-finding.ts";

/** This package is younger than any earlier time: a clock that shows one is wrong, and so is every signature. */
const earliestSaneTime = Date.parse("2026-01-01T00:00:00Z");

/** A difference that the way there and back, and a `Date` header of whole seconds, may explain. */
const agreeMs = 5_000;
/** Receivers refuse what was signed so long ago, or so far ahead. */
const toleranceMs = 300_000;

/** `compared` says whether other clocks are looked at too. */
export function checkClock(now: number, compared: boolean): Finding {
  const time = new Date(now).toISOString();
  if (now < earliestSaneTime) {
    const remedy = "Set the clock; receivers refuse signatures over 5 minutes off";
    return { check: "clock", level: "fail", message: time, remedy };
  }
  const message = compared ? time : `${time}; compared with no other, which --send does with the endpoints'`;
  return { check: "clock", level: "ok", message };
}

/** `aheadMs` is how far this clock is ahead of the other. */
export function judgeSkew(aheadMs: number, whose: string): Finding {
  const offMs = Math.abs(aheadMs);
  if (offMs <= agreeMs) return { check: "clock", level: "ok", message: `it agrees with that of ${whose}` };
  const direction = aheadMs > 0 ? "ahead of" : "behind";
  return {
    check: "clock",
    level: offMs < toleranceMs ? "warn" : "fail",
    message: `it is ${Math.round(offMs / 1000)} s ${direction} that of ${whose}`,
    remedy: "Synchronise both clocks (NTP); receivers refuse signatures over 5 minutes off",
  };
}

/** Runs what sends requests. Returns how far this clock is ahead of the `Date` of their last response, in milliseconds. */
export async function watchDates(run: () => Promise<void>): Promise<number | undefined> {
  let aheadMs: number | undefined;
  function look(message: unknown): void {
    const { headers } = (message as { response: { headers: readonly Buffer[] } }).response;
    const texts = headers.map(String);
    const at = texts.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === "date");
    const date = at === -1 ? Number.NaN : Date.parse(texts[at + 1] ?? "");
    // The header has whole seconds: on average half of one has passed.
    if (!Number.isNaN(date)) aheadMs = Date.now() - (date + 500);
  }
  subscribe("undici:request:headers", look);
  try {
    await run();
  } finally {
    unsubscribe("undici:request:headers", look);
  }
  return aheadMs;
}
