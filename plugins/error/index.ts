/** The error plugin: errors that were reported, and errors nobody caught. */
import { definePlugin } from "mova-webhooks/plugin";
import { watchProcess } from "./process.ts";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "error:reported": {
      readonly error: unknown;
      readonly context?: Readonly<Record<string, unknown>>;
    };
  }
}

type ErrorEvents = {
  "error.occurred": {
    readonly error_type: string;
    readonly error_message: string;
    readonly context: Readonly<Record<string, unknown>>;
  };
};

const maxMessageLength = 2_000;

/** Watches the process, and hears what is published on `error:reported`. */
export function error() {
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
      "error:reported": ({ error: happened, context = {} }) => {
        if (typeof happened === "object" && happened !== null) {
          if (told.has(happened)) return undefined;
          told.add(happened);
        }
        return {
          type: "error.occurred",
          data: { error_type: typeOf(happened), error_message: messageOf(happened), context },
        };
      },
    },
    instrument: { attach: watchProcess },
  });
}

/** Prefers the class to a `name` that nobody set, as the original does. */
function typeOf(happened: unknown): string {
  if (!(happened instanceof Error)) return typeof happened;
  return happened.name === "Error" ? happened.constructor.name : happened.name;
}

/** What is not an error has no message; only a thrown text is one itself. */
function messageOf(happened: unknown): string {
  const message = happened instanceof Error ? happened.message : happened;
  return typeof message === "string" ? message.slice(0, maxMessageLength) : `a thrown ${typeof happened}`;
}
