/** `mova-webhooks status`: the endpoints and what waits for them. */
import { Command } from "commander";
import type { EndpointStatus } from "../endpoints.ts";
import { originOf } from "../security/redact.ts";
import { withRecords } from "./open-manager.ts";
import { type CommonOptions, configOption, jsonOption } from "./options.ts";
import { columns, paint, print } from "./terminal.ts";

export function statusCommand(): Command {
  return new Command("status")
    .description("Show each endpoint and what waits for it.")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks status")
    .action(async (options: CommonOptions) => {
      const endpoints = await withRecords(options, (webhooks) => webhooks.status());
      const shown = endpoints.map((each) => ({ ...each, url: originOf(each.url) }));
      print(shown, options.json, (all) =>
        columns(["endpoint", "enabled", "pending", "delivering", "dead", "oldest due"], all.map(row)),
      );
    });
}

function row({ id, enabled, pending, delivering, dead, oldestDueAt }: EndpointStatus): string[] {
  const age = oldestDueAt === undefined ? "" : `${((Date.now() - oldestDueAt) / 1000).toFixed(0)} s ago`;
  return [id, enabled ? "yes" : paint("red", "no"), String(pending), String(delivering), String(dead), age];
}
