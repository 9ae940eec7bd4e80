import * as api from "mova-webhooks";
import { expect, it } from "vitest";
import * as sources from "../../src/index.ts";

it("the package's own name means its sources in tests, never what was built before", () => {
  expect(api.WebhookManager).toBe(sources.WebhookManager);
});

it("the main entry exports what is documented, and nothing by accident", () => {
  expect(Object.keys(api).sort()).toEqual([
    "WebhookError",
    "WebhookEventType",
    "WebhookManager",
    "WebhookReceiver",
    "addWebhookEndpoint",
    "checkUrl",
    "errorTable",
    "getWebhookManager",
    "memoryOutbox",
    "removeWebhookEndpoint",
    "reportError",
    "setWebhookManager",
    "triggerCacheCleared",
    "triggerCacheUpdated",
    "triggerConfigUpdated",
    "triggerErrorOccurred",
    "triggerLlmRequestCompleted",
    "triggerLlmRequestFailed",
    "triggerLlmRequestStarted",
    "triggerRedisConnected",
    "triggerRedisDisconnected",
    "triggerValidationCompleted",
    "triggerValidationFailed",
    "triggerValidationStarted",
    "triggerWebhookEvent",
    "version",
  ]);
});
