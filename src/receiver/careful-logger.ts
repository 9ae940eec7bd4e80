/** Wraps the user's logger, so that nothing it throws or rejects with reaches the receiver. */
import type { Logger } from "../event/logger.ts";

export function carefulLogger(logger: Logger): Logger {
  function say(level: keyof Logger): Logger[keyof Logger] {
    return function sayCarefully(fields, message) {
      try {
        const said: unknown = logger[level](fields, message);
        if (said instanceof Promise) said.catch(ignore);
      } catch {
        // There is nobody left to tell.
      }
    };
  }
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}

function ignore(): void {}
