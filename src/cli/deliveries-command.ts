/** `mova-webhooks deliveries`: list, show and replay what the outbox remembers. */
import { Command } from "commander";
import { listCommand } from "./deliveries-list.ts";
import { replayCommand } from "./deliveries-replay.ts";
import { showCommand } from "./deliveries-show.ts";

export function deliveriesCommand(): Command {
  return new Command("deliveries")
    .description("List, show and replay deliveries.")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(replayCommand());
}
