/** Reads how long a receiver asks us to wait: `Retry-After` (RFC 9110 section 10.2.3). Pure. */

/** The two forms of a date that are obsolete but to be read (RFC 9110 section 5.6.7); both are UTC. */
const rfc850 = /^[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>[\d:]{8}) GMT$/;
const asctime = /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>[\d:]{8}) (?<year>\d{4})$/;
/** The present form begins like this. */
const fixdate = /^[A-Z][a-z]{2}, /;

/** Returns milliseconds from `nowMs`. Seconds or an HTTP date; anything else counts as absent. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  // Some write a fraction: whoever waits for all of it is never early.
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text)) * 1000;
  const date = parseDate(text, nowMs);
  return date === undefined || Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function parseDate(text: string, nowMs: number): number | undefined {
  const { day, month, year = "", time } = (rfc850.exec(text) ?? asctime.exec(text))?.groups ?? {};
  if (day !== undefined) return Date.parse(`${day} ${month} ${wholeYear(year, nowMs)} ${time} GMT`);
  return fixdate.test(text) ? Date.parse(text) : undefined;
}

/** A year of two digits is the one next to now that is at most 50 years ahead. */
function wholeYear(year: string, nowMs: number): number {
  if (year.length === 4) return Number(year);
  const present = new Date(nowMs).getUTCFullYear();
  const candidate = present - (present % 100) + Number(year);
  return candidate > present + 50 ? candidate - 100 : candidate;
}
