/** `mova-webhooks deliveries replay`: makes finished deliveries due again. */
import { Command } from "commander";
import type { Delivery, DeliveryState } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";
import {
  queryOf,
  type SearchOptions,
  searchOptions,
  unknownDeliveries,
  unknownEndpoint,
} from "./deliveries-search.ts";
import { type Records, withRecords } from "./open-manager.ts";
import { print, say } from "./terminal.ts";

interface ReplayOptions extends SearchOptions {
  readonly state?: "dead" | "delivered";
  readonly dryRun: boolean;
  readonly all: boolean;
}

export function replayCommand(): Command {
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
          hint: await waitsForNobody(records, options, ids.length),
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

/** Says where no process that follows this configuration would send what was replayed. */
async function waitsForNobody(
  records: Records,
  options: ReplayOptions,
  replayed: number,
): Promise<string | undefined> {
  const hint = await unknownEndpoint(records, options, replayed);
  const { endpoint, dryRun } = options;
  if (hint !== undefined || endpoint === undefined) return hint;
  if ((await records.status()).some(({ id }) => id === endpoint)) return undefined;
  const what = dryRun ? "what would be replayed would wait" : "what was replayed waits";
  return `no endpoint \`${endpoint}\` is configured: ${what} until a process has it`;
}

/** Throws DELIVERY_UNKNOWN for ids that there are not, before anything is replayed. */
async function knownDeliveries(records: Records, ids: readonly string[]): Promise<readonly Delivery[]> {
  const found = await Promise.all(ids.map((id) => records.get(id)));
  const missing = ids.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) throw unknownDeliveries(missing);
  return found.filter((delivery) => delivery !== undefined);
}

function whyLeft(state: DeliveryState): string {
  const finished = state === "delivered" || state === "dead";
  return finished ? "the other conditions do not cover it" : "only a finished delivery can be replayed";
}

/**
 * Replays page by page, because an outbox replays only so many in one call. What was accepted before the page's last is not
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
