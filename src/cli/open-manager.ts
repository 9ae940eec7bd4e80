/** Opens the configured outbox: for a command that only looks into it, and for those that deliver from it. */
import { existsSync } from "node:fs";
import { WebhookError } from "../event/errors.ts";
import { loadConfig, type WebhookConfig } from "../settings/read/config.ts";
import { WebhookManager } from "../manager/manager.ts";
import type { WebhookManagerOptions } from "../manager/manager-options.ts";
import { chosen, defaultChoice, defaultFile, kindsThat, openOutbox } from "../outbox/kinds.ts";
import type { OutboxChoice } from "../outbox/outbox.ts";
import { discreetLogger } from "../telemetry/log/discreet-logger.ts";
import type { CommonOptions, ServerOptions } from "./options.ts";
import { serverOf } from "./server-client.ts";

/** What `serve` and `register` use. */
export function outboxOf({ outbox }: WebhookConfig): OutboxChoice {
  return outbox ?? defaultChoice();
}

/** Where records come from: the outbox, or the server that delivers from it. */
export type Records = Pick<
  WebhookManager,
  "find" | "attempts" | "get" | "explain" | "replay" | "status" | "sendNow" | "cancel"
>;

/**
 * Runs `use` with the server at `--url`, else with a manager that is not started and loads no plugins. Throws
 * CONFIG_INVALID for an outbox that no other process can look into.
 */
export async function withRecords<Result>(
  { config: path, url, token }: Pick<CommonOptions, "config"> & ServerOptions,
  use: (records: Records) => Promise<Result>,
): Promise<Result> {
  if (url !== undefined) return use(serverOf(url, token === undefined ? {} : { token }));
  const config = loadConfig(path === undefined ? {} : { path });
  const choice = outboxOf(config);
  const shared = kindsThat("shared", "title");
  const remedy = `Ask a running server with --url, or set \`outbox\` or MOVA_WEBHOOK_OUTBOX to ${shared}.`;
  if (!chosen(choice).kind.guarantees.shared) {
    const detail = "The configured outbox is in the memory of another process, where nobody can look";
    throw new WebhookError("CONFIG_INVALID", detail, { remedy });
  }
  if (config.outbox === undefined && !existsSync(defaultFile)) {
    const detail = `No outbox is configured, and there is no ${defaultFile} in this folder`;
    throw new WebhookError("CONFIG_INVALID", detail, { remedy });
  }
  const { outbox: _outbox, plugins: _plugins, server: _server, logLevel: _level, ...rest } = config;
  const { sourcePath: _path, warnings: _warnings, ...settings } = rest;
  const webhooks = await createManager({ ...settings, config: false }, choice);
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
