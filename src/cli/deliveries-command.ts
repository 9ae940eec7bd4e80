/** `mova-webhooks deliveries`: list, show, replay, send and cancel what the outbox remembers. */
import { Command } from "commander";
import { listCommand } from "./deliveries-list.ts";
import { cancelCommand, sendNowCommand } from "./deliveries-intervene.ts";
import { replayCommand } from "./deliveries-replay.ts";
import { showCommand } from "./deliveries-show.ts";

export function deliveriesCommand(): Command {
  return new Command("deliveries")
    .description("List, show, replay, send and cancel deliveries.")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(replayCommand())
    .addCommand(sendNowCommand())
    .addCommand(cancelCommand());
}
