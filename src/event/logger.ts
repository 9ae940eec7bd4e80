/** The part of pino's interface this package writes to; any logger with these four methods fits. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

function silent(): void {}

/** Says nothing: the default, because a library leaves its host's output alone. */
export const silentLogger: Logger = { debug: silent, info: silent, warn: silent, error: silent };
