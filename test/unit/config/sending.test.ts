/** How an endpoint of the configuration file says how it wants to be sent to. */
import { expect, test } from "vitest";
import { load } from "../../support/config-file.ts";

function endpointOf(...settings: readonly string[]) {
  const endpoint = ["url: https://example.com", ...settings].map((line) => `      ${line}`).join("\n");
  return load(`webhook:\n  endpoints:\n    -\n${endpoint}\n`).endpoints[0];
}

test("all of its settings come as code would give them", () => {
  const endpoint = endpointOf(
    "status_rules: { 404: retry, 5xx: dead, 410: disable }",
    "circuit_breaker: { failures: 3, wait: 0.5, max_wait: 10, failure_rate: 0.5, window: 30, minimum: 10 }",
    "throttled_wait: 30",
    "disable_after: 3600",
    "batch: { max_events: 50, max_wait_seconds: 2 }",
  );
  expect(endpoint).toMatchObject({
    statusRules: { "404": "retry", "5xx": "dead", "410": "disable" },
    circuitBreaker: { failures: 3, wait: 0.5, maxWait: 10, failureRate: 0.5, window: 30, minimum: 10 },
    throttledWait: 30,
    disableAfter: 3600,
    batch: { maxEvents: 50, maxWaitSeconds: 2 },
  });
});

test("the circuit breaker can be switched off", () => {
  expect(endpointOf("circuit_breaker: false")?.circuitBreaker).toBe(false);
});

test.each([
  [
    "status_rules: { 404: ignore }",
    /`webhook.endpoints\[0\].status_rules.404` must be retry, dead, delivered or disable/,
  ],
  ["status_rules: { 200: dead }", /from 300 to 599/],
  ["status_rules: [404]", /a mapping of statuses such as 404 or 5xx/],
  ["circuit_breaker: { failure: 3 }", /unknown key `failure`; did you mean `failures`/],
  [
    "circuit_breaker: { failures: 0 }",
    /`webhook\.endpoints\[0\]\.circuit_breaker\.failures` must be a whole number from 1 to 1000000/,
  ],
  [
    "circuit_breaker: { wait: 5, max_wait: 1 }",
    /`webhook\.endpoints\[0\]\.circuit_breaker\.max_wait` must be seconds from 5 to 86400/,
  ],
  [
    "circuit_breaker: often",
    /false, or a mapping with failures, wait, max_wait, failure_rate, window, minimum/,
  ],
  ["disable_after: -1", /seconds from 0 to 31536000/],
  ["batch: { max_events: 5 }", /max_wait_seconds/],
  ["batch: { max_events: 0, max_wait_seconds: 1 }", /a whole number from 1 to 1000/],
])("%s is refused with what would be right", (setting, message) => {
  expect(() => endpointOf(setting)).toThrow(message);
});
