/** Opens the configured manager for a command that looks into its outbox and delivers nothing. */
import { WebhookError } from "../event/errors.ts";
import { loadConfig } from "../config/config.ts";
import { WebhookManager } from "../manager.ts";
import type { CommonOptions } from "./options.ts";

/** Runs `use` with a manager that is not started, and closes it. Throws CONFIG_INVALID for the memory outbox. */
export async function withRecords<Result>(
  { config: path }: Pick<CommonOptions, "config">,
  use: (webhooks: WebhookManager) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig(path === undefined ? {} : { path });
  if ((config.outbox?.type ?? "memory") === "memory") {
    const detail = "The configured outbox is in the memory of another process, where nobody can look";
    throw new WebhookError(
      "CONFIG_INVALID",
      `${detail}; set \`outbox\` to sqlite or redis, or MOVA_WEBHOOK_OUTBOX`,
    );
  }
  const webhooks = new WebhookManager(path === undefined ? {} : { config: path });
  try {
    return await use(webhooks);
  } finally {
    await webhooks.close();
  }
}
