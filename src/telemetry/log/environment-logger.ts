/** The logger for programs that give none: JSON lines on stderr, where MOVA_WEBHOOK_LOG_LEVEL asks for them. */
import { createRequire } from "node:module";
import type pinoModule from "pino";
import { WebhookError } from "../../event/errors.ts";
import { type Logger, silentLogger } from "../../event/logger.ts";
import { logLevel } from "../../settings/manager.ts";

/**
 * Returns a pino logger at that level, or the silent one. Throws CONFIG_INVALID for a level that is none.
 * pino is loaded only here and only then. It writes synchronously: lines are not lost when the host exits.
 */
export function loggerFromEnvironment(level: string | undefined): Logger {
  if (level === undefined || level === "" || level === "silent") return silentLogger;
  const reading = logLevel.read(level, { place: "environment" });
  if ("problems" in reading) {
    const detail = `Expected ${logLevel.variable} to be ${logLevel.expected("environment")}`;
    throw new WebhookError("CONFIG_INVALID", detail);
  }
  const { pino } = createRequire(import.meta.url)("pino") as typeof pinoModule;
  const destination = pino.destination({ dest: 2, sync: true });
  return pino(
    { level, base: { name: "mova-webhooks" }, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
}
