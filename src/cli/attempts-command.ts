/** `mova-webhooks attempts list`: a page of attempts over all deliveries. */
import { Command, Option } from "commander";
import { outcomes } from "../event/attempt-outcome.ts";
import type { AttemptQuery, ListedAttempt } from "../event/delivery.ts";
import { orderOption, queryOf, type SearchOptions, withSource } from "./deliveries-search.ts";
import { withRecords } from "./open-manager.ts";
import { readCount, readTime } from "./options.ts";
import { at, columns, print, say } from "./terminal.ts";

type AttemptsOptions = Omit<SearchOptions, "state"> & Pick<AttemptQuery, "outcome" | "status">;

export function attemptsCommand(): Command {
  return new Command("attempts").description("List attempts over all deliveries.").addCommand(listCommand());
}

function listCommand(): Command {
  return withSource(new Command("list"))
    .description("List attempts in the order in which their events were accepted, newest first.")
    .option("--endpoint <id>", "only this endpoint")
    .option("--event <id>", "only this event")
    .option("--type <types>", "only these event types or patterns, with commas between them")
    .addOption(new Option("--outcome <outcome>", "only this outcome").choices(outcomes))
    .option("--status <status>", "only this status, such as 404, or class, such as 5xx")
    .option("--since <time>", "made since then: RFC 3339, or 15m, 2h, 7d ago", readTime)
    .option("--until <time>", "made before then", readTime)
    .option("--limit <number>", "so many at least, where there are", readCount)
    .addOption(orderOption())
    .option("--cursor <text>", "go on after a page")
    .addHelpText(
      "after",
      "\nExample:\n  $ mova-webhooks attempts list --endpoint ops --status 5xx --since 2h",
    )
    .action(async ({ outcome, status, ...options }: AttemptsOptions) => {
      const query: AttemptQuery = {
        ...queryOf(options),
        ...(outcome === undefined ? {} : { outcome }),
        ...(status === undefined ? {} : { status }),
      };
      const page = await withRecords(options, (records) => records.attempts(query));
      print(page, options.json, ({ attempts }) =>
        columns(
          ["started", "endpoint", "type", "attempt", "outcome", "status", "ms", "delivery"],
          attempts.map(row),
        ),
      );
      if (page.cursor !== undefined && !options.json) say(`more: --cursor ${page.cursor}`);
    });
}

function row(attempt: ListedAttempt): string[] {
  const { startedAt, endpointId, eventType, number, replay, outcome, status, durationMs, deliveryId } =
    attempt;
  return [
    at(startedAt),
    endpointId,
    eventType,
    replay === 0 ? String(number) : `${number} (replay ${replay})`,
    outcome,
    String(status ?? ""),
    durationMs.toFixed(0),
    deliveryId,
  ];
}
