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
import { agrees, at, columns, paint, print, say } from "./terminal.ts";

type EndpointsOptions = CommonOptions & ServerOptions;

export function endpointsCommand(): Command {
  return new Command("endpoints")
    .description("List and switch the endpoints of a running server.")
    .addCommand(listCommand())
    .addCommand(enableCommand())
    .addCommand(disableCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand());
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
    .option(
      "--replay",
      "also deliver what it missed: what died since its last success, and what came while it was off",
      false,
    )
    .addHelpText("after", "\nExample:\n  $ mova-webhooks endpoints enable ops --replay")
    .action(async (id: string, options: EndpointsOptions & { readonly replay: boolean }) => {
      const { replayed, missed = 0, replayable } = await configuredServer(options).enable(id, options.replay);
      const answer = {
        id,
        enabled: true,
        ...(replayed === undefined ? { replayable } : { replayed, missed }),
      };
      print(answer, options.json, () => {
        if (replayed !== undefined) {
          const came = missed === 0 ? "" : `, ${missed} of them came while it was off`;
          return `${id} is enabled; ${replayed.length} replayed${came}`;
        }
        const { dead = 0, missed: off = 0 } = replayable ?? {};
        if (dead + off === 0) return `${id} is enabled`;
        return `${id} is enabled; --replay would deliver ${dead} that died and ${off} that came while it was off`;
      });
    });
}

function disableCommand(): Command {
  return withServer(new Command("disable"))
    .description("Switch an endpoint of a running server off; what waits for it waits on.")
    .argument("<endpoint-id>")
    .option("--reason <text>", "why, for those who look at it later")
    .option("--yes", "do not ask", false)
    .addHelpText("after", "\nExample:\n  $ mova-webhooks endpoints disable ops")
    .action(
      async (id: string, options: EndpointsOptions & { readonly reason?: string; readonly yes: boolean }) => {
        const asked = `New events are not stored for ${id} until it is enabled (with --replay it gets them then). Disable it?`;
        if (!options.yes && !(await agrees(asked))) return;
        await configuredServer(options).disable(id, options.reason);
        print({ id, enabled: false }, options.json, () => `${id} is disabled`);
      },
    );
}

function pauseCommand(): Command {
  return withServer(new Command("pause"))
    .description("Let the events of an endpoint of a running server wait, also those that come.")
    .argument("<endpoint-id>")
    .option("--reason <text>", "why, for those who look at it later")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks endpoints pause ops --reason maintenance")
    .action(async (id: string, options: EndpointsOptions & { readonly reason?: string }) => {
      await configuredServer(options).pause(id, options.reason);
      print({ id, enabled: true, status: "paused" }, options.json, () => `${id} is paused; its events wait`);
    });
}

function resumeCommand(): Command {
  return withServer(new Command("resume"))
    .description("Deliver to a paused endpoint of a running server again, what waited first.")
    .argument("<endpoint-id>")
    .addHelpText("after", "\nExample:\n  $ mova-webhooks endpoints resume ops")
    .action(async (id: string, options: EndpointsOptions) => {
      await configuredServer(options).resume(id);
      print({ id, resumed: true }, options.json, () => `${id} is resumed`);
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
