/** `mova-webhooks endpoints`: the endpoints of a running server, and their switch. */
import { Command } from "commander";
import type { EndpointView } from "../server/endpoints.ts";
import {
  type CommonOptions,
  configOption,
  jsonOption,
  type ServerOptions,
  serverOptions,
} from "./options.ts";
import { configuredServer } from "./server-client.ts";
import { at, columns, paint, print, say } from "./terminal.ts";

type EndpointsOptions = CommonOptions & ServerOptions;

export function endpointsCommand(): Command {
  return new Command("endpoints")
    .description("List and switch the endpoints of a running server.")
    .addCommand(listCommand())
    .addCommand(enableCommand())
    .addCommand(disableCommand());
}

function listCommand(): Command {
  return withServer(new Command("list"))
    .description("List the endpoints of a running server, with health and circuit.")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks endpoints list --url http://127.0.0.1:9464")
    .action(async (options: EndpointsOptions) => {
      const endpoints = await configuredServer(options).endpoints();
      if (endpoints.length === 0) say("No endpoint is configured.");
      print(endpoints, options.json, (all) =>
        columns(["endpoint", "health", "circuit", "why", "last attempt", "events"], all.map(row)),
      );
    });
}

function enableCommand(): Command {
  return withServer(new Command("enable"))
    .description("Switch an endpoint of a running server on.")
    .argument("<endpoint-id>")
    .option("--replay", "also deliver what it missed: what died since its last success", false)
    .addHelpText("after", "\nExample:\n  $ mova-webhooks endpoints enable ops --replay")
    .action(async (id: string, options: EndpointsOptions & { readonly replay: boolean }) => {
      const { replayed } = await configuredServer(options).enable(id, options.replay);
      const answer = { id, enabled: true, ...(replayed === undefined ? {} : { replayed }) };
      const missed = replayed === undefined ? "" : `; ${replayed.length} replayed`;
      print(answer, options.json, () => `${id} is enabled${missed}`);
    });
}

function disableCommand(): Command {
  return withServer(new Command("disable"))
    .description("Switch an endpoint of a running server off; what waits for it waits on.")
    .argument("<endpoint-id>")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks endpoints disable ops")
    .action(async (id: string, options: EndpointsOptions) => {
      await configuredServer(options).disable(id);
      print({ id, enabled: false }, options.json, () => `${id} is disabled`);
    });
}

function withServer(command: Command): Command {
  for (const option of serverOptions("default: the one that the configuration starts"))
    command.addOption(option);
  return command.addOption(configOption()).addOption(jsonOption());
}

function healthCell(health: EndpointView["health"], dead: number): string {
  if (health === "ok") return health;
  return paint("red", health === "dead_letters" ? `dead letters: ${dead}` : health);
}

function row(endpoint: EndpointView): string[] {
  const { id, health, dead, circuit, circuitUntil, reason, eventTypes, lastAttempt } = endpoint;
  const until = circuitUntil === undefined ? "" : ` until ${at(circuitUntil)}`;
  return [
    id,
    healthCell(health, dead),
    `${circuit}${until}`,
    reason ?? "",
    lastAttempt?.outcome ?? "",
    eventTypes.join(" "),
  ];
}
