/** Opens the configured manager for a command that looks into its outbox and delivers nothing. */
import { existsSync } from "node:fs";
import { WebhookError } from "../event/errors.ts";
import { loadConfig } from "../config/config.ts";
import { WebhookManager } from "../manager.ts";
import { openOutbox } from "../outbox/open.ts";
import type { CommonOptions } from "./options.ts";

const defaultPath = "mova-webhooks.db";

/** Runs `use` with a manager that is not started, and closes it. Throws CONFIG_INVALID for the memory outbox. */
export async function withRecords<Result>(
  { config: path }: Pick<CommonOptions, "config">,
  use: (webhooks: WebhookManager) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig(path === undefined ? {} : { path });
  // What `serve` and `register` write to where nothing is configured.
  const choice =
    config.outbox ?? (existsSync(defaultPath) ? { type: "sqlite" as const, path: defaultPath } : undefined);
  if (choice === undefined || choice.type === "memory") {
    const detail = "The configured outbox is in the memory of another process, where nobody can look";
    throw new WebhookError(
      "CONFIG_INVALID",
      `${detail}; set \`outbox\` to sqlite or redis, or MOVA_WEBHOOK_OUTBOX`,
    );
  }
  const outbox = await openOutbox(choice);
  const webhooks = new WebhookManager({ ...(path === undefined ? {} : { config: path }), outbox });
  try {
    return await use(webhooks);
  } finally {
    await webhooks.close();
  }
}
