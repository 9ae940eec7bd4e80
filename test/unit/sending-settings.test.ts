import { describe, expect, it } from "vitest";
import type { WebhookEndpoint } from "../../src/event/endpoint.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";

function resolve(settings: Partial<WebhookEndpoint>) {
  return resolveEndpoint({ id: "ops", url: "https://example.com", secret: "secret", ...settings });
}

describe("sending settings", () => {
  it("have defaults in milliseconds", () => {
    expect(resolve({})).toMatchObject({
      circuitBreaker: { failures: 5, waitMs: 1000, maxWaitMs: 60_000 },
      throttledWaitMs: 10_000,
      disableAfterMs: 432_000_000,
    });
  });

  it("take a share of failures with the window and the minimum that are usual", () => {
    expect(resolve({ circuitBreaker: { failureRate: 0.5 } }).circuitBreaker?.rate).toEqual({
      ...{ failureRate: 0.5, windowMs: 60_000, minimum: 20 },
    });
    expect(resolve({}).circuitBreaker).not.toHaveProperty("rate");
  });

  it("can switch the breaker and the disabling off", () => {
    const endpoint = resolve({ circuitBreaker: false, disableAfter: 0, throttledWait: 0 });
    expect(endpoint).not.toHaveProperty("circuitBreaker");
    expect(endpoint).not.toHaveProperty("disableAfterMs");
    expect(endpoint).not.toHaveProperty("throttledWaitMs");
  });

  it("put rules for one status before rules for a class", () => {
    expect(resolve({ statusRules: { "4xx": "retry", "404": "dead" } }).statusRules).toEqual([
      { from: 404, to: 404, verdict: "dead" },
      { from: 400, to: 499, verdict: "retry" },
    ]);
  });

  it.each([
    [{ statusRules: { "200": "dead" } }, /`statusRules`.*from 300 to 599, got `200`/],
    [{ statusRules: { "4x": "dead" } }, /`statusRules`.*`404` or `5xx`.*got `4x`/],
    [
      { statusRules: { "404": "ignore" } },
      /`statusRules.404`.*retry, dead, delivered or disable, got `ignore`/,
    ],
    [{ circuitBreaker: { failures: 0 } }, /`circuitBreaker.failures`.*from 1/],
    [{ circuitBreaker: { failureRate: 1.5 } }, /`circuitBreaker.failureRate`.*from 0.01 to 1/],
    [{ circuitBreaker: { failureRate: 0.5, minimum: 0 } }, /`circuitBreaker.minimum`.*whole number from 1/],
    [{ circuitBreaker: { failureRate: 0.5, window: 0 } }, /`circuitBreaker.window`.*seconds from 1/],
    [{ circuitBreaker: { window: 60 } }, /`circuitBreaker.window`.*absent where there is no `failureRate`/],
    [{ circuitBreaker: { wait: 10, maxWait: 5 } }, /`circuitBreaker.maxWait`.*seconds from 10/],
    [{ throttledWait: 90_000 }, /`throttledWait`.*seconds from 0 to 86400/],
    [{ disableAfter: -1 }, /`disableAfter`.*seconds from 0/],
    [{ batch: { maxEvents: 0, maxWaitSeconds: 1 } }, /`batch.maxEvents`.*whole number from 1 to 1000/],
    [{ batch: { maxEvents: 10, maxWaitSeconds: 4000 } }, /`batch.maxWaitSeconds`.*seconds from 0 to 3600/],
    [{ batch: { maxEvents: 2, maxWaitSeconds: 1 }, transform: () => ({ body: "" }) }, /`transform`.*`batch`/],
  ])("%j is refused with what would be right", (settings, message) => {
    expect(() => resolve(settings as Partial<WebhookEndpoint>)).toThrow(message);
  });
});
