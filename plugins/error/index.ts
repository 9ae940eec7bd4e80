/** The error plugin: errors that were reported, and errors that nobody caught. */
import { checkOptions, definePlugin, describeError, type ErrorDescription } from "mova-webhooks/plugin";
import { watchProcess } from "./process.ts";

type ErrorEvents = {
  "error.occurred": ErrorDescription & { readonly context: Readonly<Record<string, unknown>> };
};

/** Watches the process, and hears `webhooks.reportError(error, context)`. */
export function error(options: Readonly<Record<string, never>> = {}) {
  checkOptions("error", options, {});
  /** The one memory a translation here has: an error that is reported, rethrown and then fatal is one event. */
  const told = new WeakSet<object>();

  return definePlugin<"error", ErrorEvents>({
    contract: 1,
    name: "error",
    events: {
      "error.occurred": {
        summary: "An error was reported, or ended the process.",
        example: {
          error_type: "TypeError",
          error_message: "Cannot read properties of undefined",
          context: { component: "validator", operation: "validate_schema" },
        },
      },
    },
    translate: {
      "error:reported": ({ error: happened, context = {}, fatal = false }) => {
        if (typeof happened === "object" && happened !== null) {
          if (told.has(happened)) return undefined;
          told.add(happened);
        }
        const data = { ...describeError(happened), context };
        return { type: "error.occurred", data, ...(fatal && { fatal }) };
      },
    },
    instrument: { attach: watchProcess, hearsDeliveries: false },
    volume: { maxPerSecond: 10 },
  });
}
