/** `mova-webhooks config check`: is the configuration right, and what does it come to? */
import { Command } from "commander";
import { mistaken, type WebhookConfig } from "../settings/read/config.ts";
import { printSchedule } from "../delivery/policy/schedule.ts";
import { WebhookManager } from "../manager/manager.ts";
import { defaultChoice, defaultFile } from "../outbox/kinds.ts";
import { zeroCodePlugins } from "../plugin/built-in.ts";
import { originOf } from "../security/redact.ts";
import { checkConfig } from "./check-config.ts";
import { type CommonOptions, configOption, jsonOption } from "./options.ts";
import { columns, print, say } from "./terminal.ts";

const noPlugins = `none; register: ${zeroCodePlugins.join(", ")}`;

function outboxText({ outbox }: WebhookConfig): string {
  return outbox?.type ?? `${defaultChoice().type} in ${defaultFile}, the default of serve and register`;
}

export function configCommand(): Command {
  const check = new Command("check")
    .description(
      "Check file and environment, load the plugins, and print what all comes to, or every mistake. Secrets stay hidden.",
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks config check --config ./mova.config.yaml")
    .action(async (options: CommonOptions) => {
      const source = options.config === undefined ? {} : { path: options.config };
      const { config, mistakes, remedy } = await checkConfig(source);
      if (mistakes.length > 0) {
        if (options.json) print({ source: config.sourcePath, mistakes }, true, String);
        throw mistaken(mistakes, remedy);
      }
      // Plans the attempts; it is not started.
      const webhooks = new WebhookManager({
        ...(options.config === undefined ? {} : { config: options.config }),
      });
      const endpoints = webhooks.getEndpoints().map((endpoint) => ({
        ...endpoint,
        url: originOf(endpoint.url),
        schedule: webhooks.scheduleOf(endpoint.id) ?? [],
      }));
      await webhooks.close();
      for (const warning of config.warnings) say(`warning: ${warning}`);
      print({ source: config.sourcePath, config, endpoints }, options.json, () =>
        [
          `${config.sourcePath ?? "no file; the environment alone"}: right`,
          `outbox ${outboxText(config)}`,
          `plugins ${config.plugins.map(({ name }) => name).join(", ") || noPlugins}`,
          columns(
            ["endpoint", "enabled", "timeout", "retries", "events"],
            endpoints.map(({ id, enabled, timeout, retries, eventTypes }) => [
              id,
              enabled ? "yes" : "no",
              `${timeout} s`,
              String(retries),
              eventTypes.join(" "),
            ]),
          ),
          ...endpoints.map(
            ({ id, schedule }) => `\n${id}, where nothing succeeds:\n${printSchedule(schedule)}`,
          ),
        ].join("\n"),
      );
    });
  return new Command("config").description("Check the configuration.").addCommand(check);
}
