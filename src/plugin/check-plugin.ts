/** Checks a plugin against the contract before it is used, with a message that names what is wrong. */
import { WebhookError } from "../event/errors.ts";
import { isEventType } from "../event/event-types.ts";
import { validateNow } from "./check-data.ts";
import type { AnyPlugin, EventDefinition } from "./contract.ts";
import { isVersionRange } from "./version-range.ts";

/** Names that plugins may not take: sources of events that no plugin makes. */
const reserved = new Set(["api", "delivery"]);

/** Throws PLUGIN_INVALID. */
export function checkPlugin(plugin: AnyPlugin): void {
  if (typeof plugin !== "object" || plugin === null) {
    throw invalid("Expected a plugin to be the object that `definePlugin` returns");
  }
  const { name, contract, events, translate } = plugin;
  if (typeof name !== "string" || !/^[a-z][a-z0-9_-]{0,63}$/.test(name)) {
    throw invalid("Expected a plugin's `name` to be 1 to 64 of a-z, 0-9, - and _");
  }
  if (reserved.has(name)) throw invalid(`No plugin may be named \`${name}\`: that is a source of its own`);
  if (contract !== 1) {
    throw invalid(
      `Plugin \`${name}\` is written for contract ${String(contract)}, this version hosts contract 1`,
    );
  }
  if (typeof events !== "object" || events === null || typeof translate !== "object" || translate === null) {
    throw invalid(`Plugin \`${name}\` lacks \`events\` or \`translate\``);
  }
  for (const [type, definition] of Object.entries(events)) {
    if (!isEventType(type) || !type.startsWith(`${name}.`)) {
      throw invalid(`Event type \`${type}\` of plugin \`${name}\` must start with \`${name}.\``);
    }
    checkSchema(type, definition);
  }
  for (const [topic, translation] of Object.entries(translate)) {
    if (typeof translation !== "function") {
      throw invalid(`Plugin \`${name}\` must translate \`${topic}\` with a function`);
    }
  }
  for (const { module, versions } of plugin.instrument?.modules ?? []) {
    if (isVersionRange(versions)) continue;
    throw invalid(`Plugin \`${name}\` must give the versions of \`${module}\` as \`>=1.0.0 <2.0.0\``);
  }
}

/** Asks the schema about the example, which tells whether it returns at once. What it returns is the suite's concern. */
function checkSchema(type: string, definition: EventDefinition<unknown>): void {
  const schema: unknown = Object(definition).schema;
  if (schema === undefined) return;
  if (typeof Object(Object(schema)["~standard"]).validate !== "function") {
    throw invalid(`The schema of \`${type}\` is no Standard Schema`);
  }
  try {
    validateNow(definition.schema as NonNullable<typeof definition.schema>, definition.example, type);
  } catch (error) {
    if (WebhookError.is(error)) throw error;
  }
}

function invalid(detail: string): WebhookError {
  return new WebhookError("PLUGIN_INVALID", detail);
}
