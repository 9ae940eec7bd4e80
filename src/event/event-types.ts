/** The event types MOVA SDK 2.2 knows: the twelve of the original module and the five `ml.*` types added later. */
import { maxNameLength } from "./shown-name.ts";

export const WebhookEventType = {
  VALIDATION_STARTED: "validation.started",
  VALIDATION_COMPLETED: "validation.completed",
  VALIDATION_FAILED: "validation.failed",
  CACHE_UPDATED: "cache.updated",
  CACHE_CLEARED: "cache.cleared",
  REDIS_CONNECTED: "redis.connected",
  REDIS_DISCONNECTED: "redis.disconnected",
  LLM_REQUEST_STARTED: "llm.request.started",
  LLM_REQUEST_COMPLETED: "llm.request.completed",
  LLM_REQUEST_FAILED: "llm.request.failed",
  CONFIG_UPDATED: "config.updated",
  ERROR_OCCURRED: "error.occurred",
  ML_INTENT_RECOGNIZED: "ml.intent.recognized",
  ML_ENTITY_EXTRACTED: "ml.entity.extracted",
  ML_CONTEXT_UPDATED: "ml.context.updated",
  ML_MODEL_TRAINED: "ml.model.trained",
  ML_PREDICTION_MADE: "ml.prediction.made",
} as const;

export type WebhookEventType = (typeof WebhookEventType)[keyof typeof WebhookEventType];

/** Published when this package switches an endpoint off. Data: `{ endpoint_id, reason, failing_since }`. */
export const endpointDisabledType = "endpoint.disabled";

export const builtInEventTypes: readonly string[] = [
  ...Object.values(WebhookEventType),
  endpointDisabledType,
];

const segment = /^[a-z0-9_-]+$/i;

/** Tells whether a text has the form of an event type: two or more dot-separated words. */
export function isEventType(text: string): boolean {
  if (text.length > maxNameLength) return false;
  const words = text.split(".");
  return words.length >= 2 && words.every((word) => segment.test(word));
}

/** Tells whether a text is a pattern over event types: an exact type, `*`, or `prefix.*`. */
export function isEventPattern(text: string): boolean {
  if (text === "*" || isEventType(text)) return true;
  return (
    text.endsWith(".*") &&
    text.length <= maxNameLength &&
    text
      .slice(0, -2)
      .split(".")
      .every((word) => segment.test(word))
  );
}

/** Tells whether `pattern` covers `type`. `validation.*` covers every type below `validation.`. */
export function matchesPattern(pattern: string, type: string): boolean {
  if (pattern === "*" || pattern === type) return true;
  return pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1));
}
