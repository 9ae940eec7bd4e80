/** `mova-webhooks deliveries replay`: makes finished deliveries due again. */
import { Command } from "commander";
import type { Delivery, DeliveryState } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";
import { replaySlices } from "../outbox/replay-slices.ts";
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
      const { replayed, remaining, left, hint } = await withRecords(options, async (records) => {
        const named = await knownDeliveries(records, deliveryIds);
        const isOne = deliveryIds.length > 0 || options.limit !== undefined;
        const ids = await (isOne ? records.replay(selection) : replayEvery(records, selection));
        return {
          replayed: ids,
          remaining: await countRemaining(records, selection, ids.length),
          left: named.filter(({ id }) => !ids.includes(id)),
          hint: await waitsForNobody(records, options, ids.length),
        };
      });
      const word = options.dryRun ? "would be replayed" : "replayed";
      const counted = remaining === undefined ? {} : { remaining };
      print({ replayed, dryRun: options.dryRun, ...counted }, options.json, () =>
        [...replayed, `${replayed.length} ${word}`].join("\n"),
      );
      for (const { id, state: found } of left) say(`${id} is ${found}: ${whyLeft(found)}`);
      if (remaining !== undefined && remaining > 0) say(`${remaining} more match beyond --limit`);
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

/** Says after each slice how far it is: what is replayed stays replayed, wherever it ends. */
async function replayEvery(records: Records, selection: ReplaySelection): Promise<readonly string[]> {
  const replayed: string[] = [];
  try {
    for await (const ids of replaySlices(records, selection)) {
      for (const id of ids) replayed.push(id);
      if (selection.dryRun !== true) say(`${replayed.length} replayed so far …`);
    }
  } catch (error) {
    if (replayed.length > 0) say(`stopped after ${replayed.length}; the same command takes the rest`);
    throw error;
  }
  return replayed;
}

/** How many more match than the limit let through. */
async function countRemaining(
  records: Records,
  { limit, ...selection }: ReplaySelection,
  taken: number,
): Promise<number | undefined> {
  if (limit === undefined) return undefined;
  const matching = await records.replay({ ...selection, dryRun: true });
  return matching.length - (selection.dryRun === true ? taken : 0);
}
