/** The built-in source plugins. */
export { type CacheOptions, cache } from "./cache/index.ts";
export { config } from "./config/index.ts";
export { error } from "./error/index.ts";
export { type LlmOptions, llm } from "./llm/index.ts";
export { redis } from "./redis/index.ts";
export { type ObservedSpan, type SpanOptions, type SpanRule, span } from "./span/index.ts";
export { type ValidationOptions, validation } from "./validation/index.ts";
