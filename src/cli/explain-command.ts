/** `mova-webhooks explain`: what became of one event at every endpoint, and why. */
import { Command } from "commander";
import { WebhookError } from "../event/errors.ts";
import type { EndpointExplanation, Explanation } from "../routing/explain.ts";
import { withRecords } from "./open-manager.ts";
import {
  type CommonOptions,
  configOption,
  jsonOption,
  type ServerOptions,
  serverOptions,
} from "./options.ts";
import { at, columns, print } from "./terminal.ts";

export function explainCommand(): Command {
  const command = new Command("explain")
    .description("Tell for every endpoint what became of an event, and why.")
    .argument("<event-id>", "the webhook-id, such as evt_…")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks explain evt_0mh2k3v9c5d1e");
  for (const option of serverOptions("default: look into the outbox")) command.addOption(option);
  return command.action(async (eventId: string, options: CommonOptions & ServerOptions) => {
    const explanation = await withRecords(options, (records) => records.explain(eventId));
    if (explanation === undefined) {
      throw new WebhookError("EVENT_UNKNOWN", `The outbox knows no event \`${eventId}\``);
    }
    print(explanation, options.json, show);
  });
}

function show({ eventId, eventType, source, createdAt, endpoints }: Explanation): string {
  const head = `${eventType}  ${eventId}  from ${source}, accepted ${at(createdAt)}`;
  if (endpoints.length === 0) return `${head}\nno endpoint was configured when it was published`;
  return `${head}\n\n${columns(["endpoint", "verdict", "attempts", "why"], endpoints.map(row))}`;
}

function row({ endpointId, verdict, attempts, reason, until }: EndpointExplanation): string[] {
  return [
    endpointId,
    verdict,
    String(attempts ?? 0),
    until === undefined ? reason : `${reason}, until ${at(until)}`,
  ];
}
