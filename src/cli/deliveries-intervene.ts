/** `mova-webhooks deliveries send` and `cancel`: one delivery, on somebody's word. */
import { Command } from "commander";
import { withRecords } from "./open-manager.ts";
import {
  type CommonOptions,
  configOption,
  jsonOption,
  type ServerOptions,
  serverOptions,
} from "./options.ts";
import { print } from "./terminal.ts";

type InterveneOptions = CommonOptions & ServerOptions & { readonly reason?: string };

export function sendNowCommand(): Command {
  return withOptions(new Command("send"))
    .description(
      "Make a waiting delivery due now, in place of the planned retry. A running process sends it.",
    )
    .argument("<delivery-id>")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks deliveries send dlv_evt_1_4f2a")
    .action(async (id: string, options: InterveneOptions) => {
      await withRecords(options, (records) => records.sendNow(id, "cli"));
      print({ id, sent: true }, options.json, () => `${id} is due now`);
    });
}

export function cancelCommand(): Command {
  return withOptions(new Command("cancel"))
    .description("Make a waiting delivery dead, so that it is not sent; it can be replayed.")
    .argument("<delivery-id>")
    .option("--reason <text>", "why, kept with the delivery")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks deliveries cancel dlv_evt_1_4f2a --reason duplicate")
    .action(async (id: string, options: InterveneOptions) => {
      await withRecords(options, (records) => records.cancel(id, options.reason, "cli"));
      print({ id, cancelled: true }, options.json, () => `${id} is cancelled`);
    });
}

function withOptions(command: Command): Command {
  for (const option of serverOptions("default: the configured outbox, read here")) command.addOption(option);
  return command.addOption(configOption()).addOption(jsonOption());
}
