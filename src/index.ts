/** The public surface, in the order of the story. */
/// <reference types="node" preserve="true" />
export { WebhookManager } from "./manager/manager.ts";
export type { PluginUse, WebhookManagerOptions } from "./manager/manager-options.ts";
export type { Triggered } from "./manager/intake.ts";
export {
  addWebhookEndpoint,
  getWebhookManager,
  removeWebhookEndpoint,
  reportError,
  setWebhookManager,
  triggerCacheCleared,
  triggerCacheUpdated,
  triggerConfigUpdated,
  triggerErrorOccurred,
  triggerLlmRequestCompleted,
  triggerLlmRequestFailed,
  triggerLlmRequestStarted,
  triggerRedisConnected,
  triggerRedisDisconnected,
  triggerValidationCompleted,
  triggerValidationFailed,
  triggerValidationStarted,
  triggerWebhookEvent,
} from "./manager/process-wide.ts";
export { WebhookEventType } from "./event/event-types.ts";
export type { WebhookEvent } from "./event/webhook-event.ts";
export type { WebhookEndpoint } from "./event/endpoint.ts";
export type { StatusVerdict, TransformedEvent } from "./event/sending-settings.ts";
export type { PlannedAttempt } from "./delivery/policy/schedule.ts";
export type { EndpointInfo } from "./routing/endpoint-book.ts";
export type { Explanation } from "./routing/explain.ts";
export type {
  Attempt,
  AttemptPage,
  AttemptQuery,
  Delivery,
  DeliveryPage,
  DeliveryQuery,
  DeliveryState,
  ListedAttempt,
} from "./event/delivery.ts";
export type { Outcome } from "./event/attempt-outcome.ts";
export { type ErrorCode, errorTable, WebhookError } from "./event/errors.ts";
export type { Logger } from "./event/logger.ts";
export { memoryOutbox } from "./outbox/memory/index.ts";
export type { Outbox, ReplaySelection } from "./outbox/outbox.ts";
export { checkUrl, type UrlVerdict } from "./security/check-url.ts";
export type { NetworkOptions } from "./security/network-policy.ts";
export { WebhookReceiver } from "./receiver/receiver.ts";
export { version } from "./version.ts";
