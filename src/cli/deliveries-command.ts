/** `mova-webhooks deliveries`: list, show and replay what the outbox remembers. */
import { Command, Option } from "commander";
import type { Delivery, DeliveryQuery, DeliveryState } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import type { WebhookManager } from "../manager.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";
import { withRecords } from "./open-manager.ts";
import { type CommonOptions, configOption, jsonOption, readCount, readTime } from "./options.ts";
import { at, columns, paint, print, say } from "./terminal.ts";

interface SearchOptions extends CommonOptions {
  readonly endpoint?: string;
  readonly event?: string;
  readonly type?: string;
  readonly state?: DeliveryState;
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly cursor?: string;
}

interface ReplayOptions extends SearchOptions {
  readonly state?: "dead" | "delivered";
  readonly dryRun: boolean;
  readonly all: boolean;
}

export function deliveriesCommand(): Command {
  return new Command("deliveries")
    .description("List, show and replay deliveries.")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(replayCommand());
}

function listCommand(): Command {
  return searchOptions(new Command("list"), ["pending", "delivering", "delivered", "dead"])
    .description("List deliveries, newest first.")
    .option("--cursor <text>", "go on after a page")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks deliveries list --state dead --since 2h")
    .action(async (options: SearchOptions) => {
      const page = await withRecords(options, (webhooks) => webhooks.find(queryOf(options)));
      print(page, options.json, ({ deliveries }) =>
        columns(
          ["delivery", "type", "endpoint", "state", "attempts", "last outcome", "accepted"],
          deliveries.map(row),
        ),
      );
      if (page.cursor !== undefined && !options.json) say(`more: --cursor ${page.cursor}`);
    });
}

function showCommand(): Command {
  return new Command("show")
    .description("Show one delivery with its attempts.")
    .argument("<delivery-id>")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks deliveries show dlv_evt_0mh2k3v9c5d1e_3fa9c1")
    .action(async (id: string, options: CommonOptions) => {
      const delivery = await withRecords(options, (webhooks) => webhooks.get(id));
      if (delivery === undefined)
        throw new WebhookError("DELIVERY_UNKNOWN", `The outbox knows no delivery \`${id}\``);
      print(delivery, options.json, showDelivery);
    });
}

function replayCommand(): Command {
  return searchOptions(new Command("replay"), ["dead", "delivered"])
    .description(
      "Make finished deliveries due again: those with the ids, or those that match. A running process sends them.",
    )
    .argument("[delivery-id...]")
    .option("--all", "every dead delivery", false)
    .option("--dry-run", "only tell which it would be", false)
    .addHelpText(
      "after",
      "\nExample:\n  $ mova-webhooks deliveries replay --endpoint ops --since 2h --dry-run",
    )
    .action(async (deliveryIds: string[], options: ReplayOptions) => {
      const query = queryOf(options);
      if (deliveryIds.length === 0 && Object.keys(query).length === 0 && !options.all) {
        throw new WebhookError(
          "CONFIG_INVALID",
          "Expected delivery ids, a condition such as --since 2h, or --all",
        );
      }
      const { state, ...rest } = query;
      const selection = {
        ...rest,
        ...(state === "dead" || state === "delivered" ? { state } : {}),
        ...(deliveryIds.length > 0 ? { deliveryIds } : {}),
        dryRun: options.dryRun,
      };
      const once = options.dryRun || deliveryIds.length > 0 || options.limit !== undefined;
      const replayed = await withRecords(options, (webhooks) =>
        once ? webhooks.replay(selection) : replayEvery(webhooks, selection, Date.now()),
      );
      const word = options.dryRun ? "would be replayed" : "replayed";
      print({ replayed, dryRun: options.dryRun }, options.json, () =>
        [...replayed, `${replayed.length} ${word}`].join("\n"),
      );
    });
}

/**
 * Replays page by page, because an outbox answers so many at a time. What was accepted before the page's last is not
 * looked at again, nor what is new: a running process may let deliveries die as fast as they are replayed.
 */
async function replayEvery(
  webhooks: WebhookManager,
  selection: ReplaySelection,
  now: number,
): Promise<readonly string[]> {
  const replayed = new Set<string>();
  let { since } = selection;
  const until = selection.until ?? now + 1;
  for (;;) {
    const page = await webhooks.replay({ ...selection, until, ...(since === undefined ? {} : { since }) });
    const known = replayed.size;
    for (const id of page) replayed.add(id);
    if (replayed.size === known) return [...replayed];
    say(`${replayed.size} replayed so far …`);
    since = (await webhooks.get(page.at(-1) ?? ""))?.createdAt ?? since;
  }
}

function searchOptions(command: Command, states: readonly string[]): Command {
  return command
    .addOption(new Option("--state <state>", "only this state").choices(states))
    .option("--endpoint <id>", "only this endpoint")
    .option("--event <id>", "only this event")
    .option("--type <type>", "only this event type")
    .option("--since <time>", "accepted since then: RFC 3339, or 15m, 2h, 7d ago", readTime)
    .option("--until <time>", "accepted before then", readTime)
    .option("--limit <number>", "at most so many", readCount)
    .addOption(configOption())
    .addOption(jsonOption());
}

function queryOf({
  endpoint,
  event,
  type,
  state,
  since,
  until,
  limit,
  cursor,
}: SearchOptions): DeliveryQuery {
  return {
    ...(endpoint === undefined ? {} : { endpointId: endpoint }),
    ...(event === undefined ? {} : { eventId: event }),
    ...(type === undefined ? {} : { eventType: type }),
    ...(state === undefined ? {} : { state }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

function row({ id, eventType, endpointId, state, attempts, createdAt }: Delivery): string[] {
  return [
    id,
    eventType,
    endpointId,
    state,
    String(attempts.length),
    attempts.at(-1)?.outcome ?? "",
    at(createdAt),
  ];
}

function showDelivery(delivery: Delivery): string {
  const { id, eventType, eventId, endpointId, state, reason, createdAt, dueAt, replays, attempts } = delivery;
  const finished = state === "delivered" || state === "dead";
  return [
    `${paint("bold", id)}  ${eventType}`,
    `event     ${eventId}`,
    `endpoint  ${endpointId}`,
    `state     ${state}${reason === undefined ? "" : ` (${reason})`}`,
    `accepted  ${at(createdAt)}`,
    `${finished ? "finished" : "due     "}  ${at(dueAt)}`,
    ...(replays > 0 ? [`replays   ${replays}`] : []),
    "",
    columns(
      ["attempt", "replay", "started", "ms", "outcome", "status", "trace"],
      attempts.map((attempt) => [
        String(attempt.number),
        String(attempt.replay),
        at(attempt.startedAt),
        attempt.durationMs.toFixed(0),
        attempt.outcome,
        String(attempt.status ?? ""),
        attempt.traceId ?? "",
      ]),
    ),
  ].join("\n");
}
