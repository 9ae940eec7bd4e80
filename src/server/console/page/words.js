/** What the words of the records mean, and how times are said. */

/** From the bottom of the chart to its top; the closed list of the metrics and records. */
export const outcomes = [
  "success",
  "http_3xx",
  "http_4xx",
  "http_410",
  "http_429",
  "http_5xx",
  "timeout",
  "connect",
  "reset",
  "dns",
  "tls",
  "blocked",
  "invalid_response",
  "unsendable",
];

const meanings = {
  success: "It was delivered.",
  http_3xx: "The endpoint redirects, which is never followed. Set the address it points to.",
  http_4xx: "The endpoint refuses this message. Trying again changes nothing; see what it answered.",
  http_410: "The endpoint says that it is gone for good, so it was disabled.",
  http_429: "The endpoint asks for fewer requests. A `rate_limit` would keep below its limit.",
  http_5xx: "The endpoint failed. It is at fault, and is tried again.",
  timeout: "The endpoint did not answer within its timeout.",
  connect: "Nobody accepts connections there. Is the receiver running?",
  reset: "The connection broke before there was an answer.",
  dns: "The host name could not be resolved.",
  tls: "The TLS handshake failed: look at the certificate.",
  blocked: "The address is one that is never called, unless `network.allow` lists it.",
  invalid_response: "What came back was not an HTTP answer that can be understood.",
  unsendable: "No request can be made of it: the record is damaged.",
};

/** Says what an outcome word or a reason means to somebody who has to act. */
export function meaningOf(reason) {
  const word = reason?.split(":")[0];
  return meanings[word] ?? reason;
}

export function outcomeText({ outcome, status }) {
  return status === undefined ? outcome : `${outcome} (${status})`;
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** The time of day; before today, with the day. */
export function timeText(at) {
  const date = new Date(at);
  const time = clock.format(date);
  return date.toDateString() === new Date().toDateString() ? time : `${day.format(date)} ${time}`;
}

/** `45 s`, `12 min`, `3 h`, `2 d`. */
export function durationText(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function countText(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}
