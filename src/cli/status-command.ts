/** `mova-webhooks status`: the endpoints and what waits for them. */
import { Command } from "commander";
import type { EndpointStatus } from "../manager/endpoints.ts";
import { originOf } from "../security/redact.ts";
import { withRecords } from "./open-manager.ts";
import {
  type CommonOptions,
  configOption,
  jsonOption,
  type ServerOptions,
  serverOptions,
} from "./options.ts";
import { at, columns, paint, print, say } from "./terminal.ts";

export function statusCommand(): Command {
  const command = new Command("status")
    .description("Show each endpoint and what waits for it.")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks status --url http://127.0.0.1:9464");
  for (const option of serverOptions("default: look into the outbox")) command.addOption(option);
  return command.action(async (options: CommonOptions & ServerOptions) => {
    const live = options.url !== undefined;
    const endpoints = await withRecords(options, (records) => records.status());
    const shown = endpoints.map((each) => ({ ...each, url: originOf(each.url) }));
    print(shown, options.json, (all) =>
      columns(
        live ? [...head, ...liveHead] : head,
        all.map((each) => row(each, live)),
      ),
    );
    if (endpoints.length === 0) say("No endpoint is configured.");
    if (!live && !options.json) {
      say(
        "`enabled` is what the configuration says. What runs knows more: circuits and switches are shown with --url.",
      );
    }
  });
}

const head = ["endpoint", "enabled", "pending", "delivering", "dead letters", "oldest due"];
const liveHead = ["circuit", "failing since"];

function row(status: EndpointStatus, live: boolean): string[] {
  const { id, enabled, reason, pending, delivering, dead, oldestDueAt } = status;
  const age = oldestDueAt === undefined ? "" : `${((Date.now() - oldestDueAt) / 1000).toFixed(0)} s ago`;
  const off = reason === undefined ? "no" : `no: ${reason}`;
  const counts = [String(pending), String(delivering), dead > 0 ? paint("red", String(dead)) : "0"];
  return [id, enabled ? "yes" : paint("red", off), ...counts, age, ...(live ? liveCells(status) : [])];
}

function liveCells({ circuit, circuitUntil, failingSince }: EndpointStatus): string[] {
  const until = circuitUntil === undefined ? "" : ` until ${at(circuitUntil)}`;
  return [`${circuit}${until}`, failingSince === undefined ? "" : at(failingSince)];
}
