/** `mova-webhooks deliveries list`: a page of deliveries, newest first. */
import { Command } from "commander";
import type { Delivery } from "../event/delivery.ts";
import {
  orderOption,
  queryOf,
  type SearchOptions,
  searchOptions,
  unknownEndpoint,
} from "./deliveries-search.ts";
import { withRecords } from "./open-manager.ts";
import { at, columns, print, say } from "./terminal.ts";

export function listCommand(): Command {
  return searchOptions(new Command("list"), ["pending", "delivering", "delivered", "dead"])
    .description("List deliveries, newest first.")
    .addOption(orderOption())
    .option("--cursor <text>", "go on after a page")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks deliveries list --state dead --since 2h")
    .action(async (options: SearchOptions) => {
      const { page, hint } = await withRecords(options, async (records) => {
        const page = await records.find(queryOf(options));
        return { page, hint: await unknownEndpoint(records, options, page.deliveries.length) };
      });
      print(page, options.json, ({ deliveries }) =>
        columns(
          ["delivery", "type", "endpoint", "state", "attempts", "last outcome", "accepted", "event"],
          deliveries.map(row),
        ),
      );
      if (page.cursor !== undefined && !options.json) say(`more: --cursor ${page.cursor}`);
      if (hint !== undefined) say(hint);
    });
}

/** Why a delivery is dead may be no attempt's outcome: the endpoint was removed, or the receiver asked for it. */
function row(delivery: Delivery): string[] {
  const { id, eventId, eventType, endpointId, state, attempts, reason, createdAt } = delivery;
  const last = attempts.at(-1)?.outcome ?? "";
  return [
    id,
    eventType,
    endpointId,
    state,
    String(attempts.length),
    state === "dead" ? (reason ?? last) : last,
    at(createdAt),
    eventId,
  ];
}
