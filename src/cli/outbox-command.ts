/** `mova-webhooks outbox migrate`: the tables of an outbox that has some, made now or printed for whoever makes them. */
import { Command } from "commander";
import { WebhookError } from "../event/errors.ts";
import type { StoreSize } from "../outbox/kind.ts";
import { chosen } from "../outbox/kinds.ts";
import { loadConfig } from "../settings/read/config.ts";
import { outboxOf } from "./open-manager.ts";
import { type CommonOptions, configOption, jsonOption } from "./options.ts";
import { columns, print } from "./terminal.ts";

interface MigrateOptions extends CommonOptions {
  readonly print: boolean;
}

export function outboxCommand(): Command {
  const migrate = new Command("migrate")
    .description("Make the outbox's tables where they are missing, or print the SQL that does.")
    .option("--print", "print the SQL and change nothing", false)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks outbox migrate --print > webhooks.sql")
    .action(async ({ config: path, print: onlyPrint, json }: MigrateOptions) => {
      const { kind, options } = chosen(outboxOf(loadConfig(path === undefined ? {} : { path })));
      if (kind.migrations === undefined) {
        const remedy = "Nothing is to be done: it makes what it needs by itself.";
        throw new WebhookError("CONFIG_INVALID", `The outbox ${kind.name} has no migrations`, { remedy });
      }
      if (onlyPrint) print({ sql: await kind.migrations.sql(options) }, json, ({ sql }) => sql);
      else print(await kind.migrations.apply(options), json, show);
    });
  return new Command("outbox").description("Look after the outbox's tables.").addCommand(migrate);
}

function show({ version, bytes, liveRows, deadRows }: StoreSize): string {
  const size = `${(bytes / 1_048_576).toFixed(1)} MiB`;
  return columns(
    ["version", "size", "rows", "dead rows"],
    [[String(version), size, String(liveRows), String(deadRows)]],
  );
}
