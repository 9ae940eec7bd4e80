/** One manager for the whole process and the original's convenience functions, which act on it. */
import { describeErrorWithMessage } from "../event/describe-error.ts";
import type { WebhookEndpoint } from "../event/endpoint.ts";
import { WebhookEventType } from "../event/event-types.ts";
import { WebhookManager } from "./manager.ts";
import type { Triggered } from "./intake.ts";

let manager: WebhookManager | undefined;
let starting: Promise<void> | undefined;

/** Returns the process-wide manager, made at the first call from the configuration file and the environment. */
export function getWebhookManager(): WebhookManager {
  manager ??= new WebhookManager();
  return manager;
}

/** Makes `own` the process-wide manager, for programs that build it themselves. It is started at the first trigger. */
export function setWebhookManager(own: WebhookManager): void {
  manager = own;
  starting = undefined;
}

export function addWebhookEndpoint(endpoint: WebhookEndpoint): void {
  getWebhookManager().addEndpoint(endpoint);
}

export function removeWebhookEndpoint(urlOrId: string): boolean {
  return getWebhookManager().removeEndpoint(urlOrId);
}

/** Publishes on the process-wide manager, which it starts where nobody did. Resolves when the event is stored. */
export async function triggerWebhookEvent(type: string, data?: unknown): Promise<Triggered> {
  await startOnce();
  return getWebhookManager().triggerEvent(type, data);
}

/**
 * Reports an error that the program caught on the process-wide manager, which it starts where nobody did. Where the
 * manager cannot start, the error is not reported.
 */
export function reportError(error: unknown, context: Readonly<Record<string, unknown>> = {}): void {
  try {
    startOnce().catch(() => undefined);
    getWebhookManager().reportError(error, context);
  } catch {
    // A configuration that is wrong, or a manager that was closed, is told to those who start or trigger.
  }
}

function startOnce(): Promise<void> {
  starting ??= getWebhookManager()
    .start()
    .catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
  return starting;
}

type Trigger = (data?: Readonly<Record<string, unknown>>) => Promise<Triggered>;

function triggerOf(type: WebhookEventType): Trigger {
  return (data) => triggerWebhookEvent(type, data);
}

export const triggerValidationStarted: Trigger = triggerOf(WebhookEventType.VALIDATION_STARTED);
export const triggerValidationCompleted: Trigger = triggerOf(WebhookEventType.VALIDATION_COMPLETED);
export const triggerValidationFailed: Trigger = triggerOf(WebhookEventType.VALIDATION_FAILED);
export const triggerCacheUpdated: Trigger = triggerOf(WebhookEventType.CACHE_UPDATED);
export const triggerCacheCleared: Trigger = triggerOf(WebhookEventType.CACHE_CLEARED);
export const triggerRedisConnected: Trigger = triggerOf(WebhookEventType.REDIS_CONNECTED);
export const triggerRedisDisconnected: Trigger = triggerOf(WebhookEventType.REDIS_DISCONNECTED);
export const triggerLlmRequestStarted: Trigger = triggerOf(WebhookEventType.LLM_REQUEST_STARTED);
export const triggerLlmRequestCompleted: Trigger = triggerOf(WebhookEventType.LLM_REQUEST_COMPLETED);
export const triggerLlmRequestFailed: Trigger = triggerOf(WebhookEventType.LLM_REQUEST_FAILED);
export const triggerConfigUpdated: Trigger = triggerOf(WebhookEventType.CONFIG_UPDATED);

/** Publishes `error.occurred` with the error's type and message and your context. */
export function triggerErrorOccurred(
  error: unknown,
  context: Readonly<Record<string, unknown>> = {},
): Promise<Triggered> {
  return triggerWebhookEvent(WebhookEventType.ERROR_OCCURRED, {
    ...describeErrorWithMessage(error),
    context,
  });
}
