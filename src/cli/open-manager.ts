/** Opens the configured manager for a command that looks into its outbox and delivers nothing. */
import { existsSync } from "node:fs";
import { WebhookError } from "../event/errors.ts";
import { loadConfig } from "../config/config.ts";
import { WebhookManager } from "../manager.ts";
import type { WebhookManagerOptions } from "../manager-options.ts";
import { openOutbox } from "../outbox/open.ts";
import type { OutboxChoice } from "../outbox/outbox.ts";
import { discreetLogger } from "../telemetry/discreet-logger.ts";
import type { CommonOptions, ServerOptions } from "./options.ts";
import { serverOf } from "./server-client.ts";

const defaultPath = "mova-webhooks.db";

/** What is asked for records: the outbox, or the server that delivers from it. */
export type Records = Pick<WebhookManager, "find" | "get" | "explain" | "replay" | "status">;

/** Runs `use` with the server at `--url`, else with a manager that is not started. Throws CONFIG_INVALID for the memory outbox. */
export async function withRecords<Result>(
  { config: path, url, token }: Pick<CommonOptions, "config"> & ServerOptions,
  use: (records: Records) => Promise<Result>,
): Promise<Result> {
  if (url !== undefined) return use(serverOf(url, token === undefined ? {} : { token }));
  const config = loadConfig(path === undefined ? {} : { path });
  // What `serve` and `register` write to where nothing is configured.
  const choice =
    config.outbox ?? (existsSync(defaultPath) ? { type: "sqlite" as const, path: defaultPath } : undefined);
  if (choice === undefined || choice.type === "memory") {
    throw new WebhookError(
      "CONFIG_INVALID",
      "The configured outbox is in the memory of another process, where nobody can look",
      {
        remedy: "Ask a running server with --url, or set `outbox` or MOVA_WEBHOOK_OUTBOX to SQLite or Redis.",
      },
    );
  }
  const webhooks = await createManager({ ...(path === undefined ? {} : { config: path }) }, choice);
  try {
    return await use(webhooks);
  } finally {
    await webhooks.close();
  }
}

/** Makes a manager with that outbox, which is closed where the manager cannot be made. */
export async function createManager(
  options: WebhookManagerOptions,
  choice: OutboxChoice,
): Promise<WebhookManager> {
  const { logger } = options;
  const outbox = await openOutbox(choice, logger === undefined ? {} : { logger: discreetLogger(logger) });
  try {
    return new WebhookManager({ ...options, outbox });
  } catch (error) {
    await outbox.close();
    throw error;
  }
}
