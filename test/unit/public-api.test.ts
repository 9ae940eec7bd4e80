import * as api from "mova-webhooks";
import { expect, it } from "vitest";

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
