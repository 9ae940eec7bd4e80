/** `mova-webhooks deliveries show`: one delivery with its attempts. */
import { Command } from "commander";
import type { Delivery } from "../event/delivery.ts";
import { unknownDeliveries, withSource } from "./deliveries-search.ts";
import { withRecords } from "./open-manager.ts";
import type { CommonOptions, ServerOptions } from "./options.ts";
import { at, columns, paint, print } from "./terminal.ts";

export function showCommand(): Command {
  return withSource(new Command("show"))
    .description("Show one delivery with its attempts.")
    .argument("<delivery-id>")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks deliveries show dlv_evt_0mh2k3v9c5d1e_3fa9c1")
    .action(async (id: string, options: CommonOptions & ServerOptions) => {
      const delivery = await withRecords(options, (records) => records.get(id));
      if (delivery === undefined) throw unknownDeliveries([id]);
      print(delivery, options.json, showDelivery);
    });
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
