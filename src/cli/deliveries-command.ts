/** `mova-webhooks deliveries`: list, show and replay what the outbox remembers. */
import { Command, Option } from "commander";
import type { Delivery, DeliveryQuery, DeliveryState } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";
import { type Records, withRecords } from "./open-manager.ts";
import {
  type CommonOptions,
  configOption,
  jsonOption,
  readCount,
  readTime,
  type ServerOptions,
  serverOptions,
} from "./options.ts";
import { at, columns, paint, print, say } from "./terminal.ts";

interface SearchOptions extends CommonOptions, ServerOptions {
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

function showCommand(): Command {
  return withSource(new Command("show"))
    .description("Show one delivery with its attempts.")
    .argument("<delivery-id>")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks deliveries show dlv_evt_0mh2k3v9c5d1e_3fa9c1")
    .action(async (id: string, options: CommonOptions & ServerOptions) => {
      const delivery = await withRecords(options, (records) => records.get(id));
      if (delivery === undefined) throw unknown([id]);
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
        throw new WebhookError("CONFIG_INVALID", "Nothing is selected", {
          remedy:
            "Give delivery ids, a condition such as --since 2h, or --all; --dry-run tells which it would be.",
        });
      }
      const { state, ...rest } = query;
      const selection = {
        ...rest,
        ...(state === "dead" || state === "delivered" ? { state } : {}),
        ...(deliveryIds.length > 0 ? { deliveryIds } : {}),
        dryRun: options.dryRun,
      };
      const once = options.dryRun || deliveryIds.length > 0 || options.limit !== undefined;
      const { replayed, left, hint } = await withRecords(options, async (records) => {
        const named = await knownDeliveries(records, deliveryIds);
        const ids = await (once ? records.replay(selection) : replayEvery(records, selection, Date.now()));
        return {
          replayed: ids,
          left: named.filter(({ id }) => !ids.includes(id)),
          hint: await unknownEndpoint(records, options, ids.length),
        };
      });
      const word = options.dryRun ? "would be replayed" : "replayed";
      print({ replayed, dryRun: options.dryRun }, options.json, () =>
        [...replayed, `${replayed.length} ${word}`].join("\n"),
      );
      for (const { id, state: found } of left) say(`${id} is ${found}: ${whyLeft(found)}`);
      if (hint !== undefined) say(hint);
      if (left.length > 0) process.exitCode = 1;
    });
}

/** Says what may be wrong where nothing matched: deliveries of an endpoint that was removed are found all the same. */
async function unknownEndpoint(
  records: Records,
  { endpoint }: SearchOptions,
  matched: number,
): Promise<string | undefined> {
  if (endpoint === undefined || matched > 0) return undefined;
  const ids = (await records.status()).map(({ id }) => id);
  if (ids.includes(endpoint)) return undefined;
  const configured = ids.length === 0 ? "none is" : `configured are ${ids.join(", ")}`;
  return `no endpoint \`${endpoint}\` is configured, and no delivery to one matched; ${configured}`;
}

/** Throws DELIVERY_UNKNOWN for ids that there are not, before anything is replayed. */
async function knownDeliveries(records: Records, ids: readonly string[]): Promise<readonly Delivery[]> {
  const found = await Promise.all(ids.map((id) => records.get(id)));
  const missing = ids.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) throw unknown(missing);
  return found.filter((delivery) => delivery !== undefined);
}

function unknown(ids: readonly string[]): WebhookError {
  const named = ids.map((id) => `\`${id}\``).join(", ");
  return new WebhookError("DELIVERY_UNKNOWN", `The outbox knows no delivery ${named}`, {
    remedy: "List them with `mova-webhooks deliveries list`.",
  });
}

function whyLeft(state: DeliveryState): string {
  const finished = state === "delivered" || state === "dead";
  return finished ? "the other conditions do not cover it" : "only a finished delivery can be replayed";
}

/**
 * Replays page by page, because an outbox answers so many at a time. What was accepted before the page's last is not
 * looked at again, nor what is new: a running process may let deliveries die as fast as they are replayed.
 */
async function replayEvery(
  records: Records,
  selection: ReplaySelection,
  now: number,
): Promise<readonly string[]> {
  const replayed = new Set<string>();
  let { since } = selection;
  const until = selection.until ?? now + 1;
  for (;;) {
    const page = await records.replay({ ...selection, until, ...(since === undefined ? {} : { since }) });
    const known = replayed.size;
    for (const id of page) replayed.add(id);
    if (replayed.size === known) return [...replayed];
    say(`${replayed.size} replayed so far …`);
    since = (await records.get(page.at(-1) ?? ""))?.createdAt ?? since;
  }
}

function searchOptions(command: Command, states: readonly string[]): Command {
  return withSource(command)
    .addOption(new Option("--state <state>", "only this state").choices(states))
    .option("--endpoint <id>", "only this endpoint")
    .option("--event <id>", "only this event")
    .option("--type <type>", "only this event type")
    .option("--since <time>", "accepted since then: RFC 3339, or 15m, 2h, 7d ago", readTime)
    .option("--until <time>", "accepted before then", readTime)
    .option("--limit <number>", "at most so many", readCount);
}

function withSource(command: Command): Command {
  for (const option of serverOptions("default: look into the outbox")) command.addOption(option);
  return command.addOption(configOption()).addOption(jsonOption());
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

function row({ id, eventId, eventType, endpointId, state, attempts, createdAt }: Delivery): string[] {
  return [
    id,
    eventType,
    endpointId,
    state,
    String(attempts.length),
    attempts.at(-1)?.outcome ?? "",
    at(createdAt),
    eventId,
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
