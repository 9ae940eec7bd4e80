/** A logger that keeps its lines, for tests of what is logged. */
import type { Logger } from "../../src/event/logger.ts";

interface LoggedLine {
  readonly level: keyof Logger;
  readonly fields: object;
  readonly message: string;
}

export interface CollectingLogger extends Logger {
  readonly lines: readonly LoggedLine[];
  /** What was said so far, from `warn` on. */
  readonly complaints: readonly string[];
}

export function collectingLogger(): CollectingLogger {
  const lines: LoggedLine[] = [];
  const at = (level: keyof Logger) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  return {
    lines,
    get complaints() {
      return lines.filter(({ level }) => level === "warn" || level === "error").map(({ message }) => message);
    },
    ...{ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
  };
}
