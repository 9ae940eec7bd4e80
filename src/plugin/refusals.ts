/** What a plugin is told that does asynchronously, or wrongly, what must be done at once. */
import { WebhookError } from "../event/errors.ts";

/** For what a translation returned that is no draft of a declared event. */
export function undeclared(plugin: string, draft: unknown): WebhookError {
  if (draft instanceof Promise) {
    draft.catch(() => undefined);
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

/** For what `attach` returned that is no function. */
export function refuseDetach(plugin: string, detach: unknown): never {
  if (detach instanceof Promise) detach.catch(() => undefined);
  const what = detach instanceof Promise ? "a promise" : typeof detach;
  throw new WebhookError(
    "PLUGIN_INVALID",
    `Expected \`attach\` of plugin \`${plugin}\` to return the function that ends it, got ${what}`,
  );
}
