/** Keeps strangers' error messages out of the log: they may quote the data, the URL or the secret they choked on. */
import { WebhookError } from "../../event/errors.ts";
import { type Logger, silentLogger } from "../../event/logger.ts";

/** Writes of an `err` field what `discreetError` tells of it. */
export function discreetLogger(logger: Logger): Logger {
  if (logger === silentLogger) return logger;
  return {
    debug: (fields, message) => logger.debug(withoutError(fields), message),
    info: (fields, message) => logger.info(withoutError(fields), message),
    warn: (fields, message) => logger.warn(withoutError(fields), message),
    error: (fields, message) => logger.error(withoutError(fields), message),
  };
}

function withoutError(fields: object): object {
  if (!("err" in fields)) return fields;
  const { err, ...rest } = fields;
  return { ...rest, ...discreetError(err) };
}

/**
 * Tells an error's name, code and place; its message only where it is ours, which never holds data. Of what cannot be
 * read, such as a proxy whose traps throw, it tells that.
 */
export function discreetError(error: unknown): object {
  try {
    return discreetly(error);
  } catch {
    return { error_type: "unreadable" };
  }
}

function discreetly(error: unknown): object {
  if (!(error instanceof Error)) return { error_type: typeof error };
  const code = "code" in error && typeof error.code === "string" ? { error_code: error.code } : {};
  const message = error instanceof WebhookError ? { error_message: error.message } : {};
  // A text, unless the program has an `Error.prepareStackTrace` of its own.
  const stack: unknown = error.stack;
  const lines = typeof stack === "string" ? stack.split("\n") : [];
  const frames = lines.filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line));
  return {
    error_type: error.name,
    ...code,
    ...message,
    error_at: frames.slice(0, 5).map((frame) => frame.trim()),
  };
}
