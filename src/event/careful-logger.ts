/** Wraps the program's logger, so that nothing it throws or rejects with reaches what logs. */
import { ignoreRejection } from "./at-once.ts";
import { type Logger, silentLogger } from "./logger.ts";

/** `failed` hears what the logger threw. */
export function carefulLogger(logger: Logger, failed: (error: unknown) => void = () => undefined): Logger {
  if (logger === silentLogger) return logger;
  function say(level: keyof Logger): Logger[keyof Logger] {
    return function sayCarefully(fields, message) {
      try {
        ignoreRejection(logger[level](fields, message) as unknown, failed);
      } catch (error) {
        failed(error);
      }
    };
  }
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}
