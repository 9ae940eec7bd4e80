/** The errors for plugins that do wrongly what the contract asks, or asynchronously what must be done at once. */
import { ignoreRejection, isPromise } from "../event/at-once.ts";
import { WebhookError } from "../event/errors.ts";
import type { AnyPlugin } from "./contract.ts";

/** Where a translation returned something else than a draft of a declared event. */
export function undeclared(plugin: string, draft: unknown): WebhookError {
  if (isPromise(draft)) {
    ignoreRejection(draft);
    return new WebhookError(
      "PLUGIN_INVALID",
      `Plugin \`${plugin}\` translates with an asynchronous function`,
    );
  }
  const type = String(Object(draft).type);
  return new WebhookError(
    "PLUGIN_INVALID",
    `Plugin \`${plugin}\` made an event of the undeclared type \`${type}\``,
  );
}

/** Where `attach` returned something else than a function. */
export function refuseDetach(plugin: string, detach: unknown): never {
  ignoreRejection(detach);
  const what = isPromise(detach) ? "a promise" : typeof detach;
  throw new WebhookError(
    "PLUGIN_INVALID",
    `Expected \`attach\` of plugin \`${plugin}\` to return the function that ends it, got ${what}`,
  );
}

/** COMPONENT_UNKNOWN, with what the plugins in use know. */
export function unrecognised(plugins: readonly AnyPlugin[]): WebhookError {
  const libraries = plugins.flatMap(({ instrument }) =>
    (instrument?.objects ?? []).map((kind) => kind.library),
  );
  const detail = `No plugin recognises this object; the plugins in use know ${libraries.join(", ") || "none"}`;
  return new WebhookError("COMPONENT_UNKNOWN", detail);
}
