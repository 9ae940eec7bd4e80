/** Checks a plugin against the contract before it is used, with a message that names what is wrong. */
import { WebhookError } from "../event/errors.ts";
import { isEventType } from "../event/event-types.ts";
import type { AnyPlugin } from "./contract.ts";

/** Throws PLUGIN_INVALID. */
export function checkPlugin(plugin: AnyPlugin): void {
  if (typeof plugin !== "object" || plugin === null) {
    throw new WebhookError(
      "PLUGIN_INVALID",
      "Expected a plugin to be the object that `definePlugin` returns",
    );
  }
  const { name, contract, events, translate } = plugin;
  if (typeof name !== "string" || !/^[a-z][a-z0-9_-]{0,63}$/.test(name)) {
    throw new WebhookError("PLUGIN_INVALID", "Expected a plugin's `name` to be 1 to 64 of a-z, 0-9, - and _");
  }
  if (contract !== 1) {
    const detail = `Plugin \`${name}\` is written for contract ${String(contract)}, this version hosts contract 1`;
    throw new WebhookError("PLUGIN_INVALID", detail);
  }
  if (typeof events !== "object" || events === null || typeof translate !== "object" || translate === null) {
    throw new WebhookError("PLUGIN_INVALID", `Plugin \`${name}\` lacks \`events\` or \`translate\``);
  }
  for (const type of Object.keys(events)) {
    if (!isEventType(type) || !type.startsWith(`${name}.`)) {
      throw new WebhookError(
        "PLUGIN_INVALID",
        `Event type \`${type}\` of plugin \`${name}\` must start with \`${name}.\``,
      );
    }
  }
  for (const [topic, translation] of Object.entries(translate)) {
    if (typeof translation !== "function") {
      throw new WebhookError(
        "PLUGIN_INVALID",
        `Plugin \`${name}\` must translate \`${topic}\` with a function`,
      );
    }
  }
}
