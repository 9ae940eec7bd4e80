/** `mova-webhooks serve`: deliver, and let other languages publish over HTTP. */
import { Command } from "commander";
import { loadConfig } from "../config/config.ts";
import { WebhookManager } from "../manager.ts";
import { openOutbox } from "../outbox/open.ts";
import { configOption, readPort } from "./options.ts";
import { say } from "./terminal.ts";

interface ServeOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
}

/** How long a stop waits for attempts in flight. */
const stopDeadlineMs = 10_000;

export function serveCommand(): Command {
  return new Command("serve")
    .description("Deliver what is in the outbox and take events over HTTP, until SIGTERM or Ctrl-C.")
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option("--port <number>", "port to listen on (default: 9464)", readPort)
    .addOption(configOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks serve --config ./mova.config.yaml --port 9464")
    .action(runServe);
}

async function runServe(options: ServeOptions): Promise<void> {
  const source = options.config === undefined ? {} : { path: options.config };
  const config = loadConfig(source);
  const webhooks = new WebhookManager({
    ...(options.config === undefined ? {} : { config: options.config }),
    outbox: await openOutbox(config.outbox ?? { type: "sqlite", path: "mova-webhooks.db" }),
  });
  await webhooks.start();
  const server = await webhooks.listen({
    ...config.server,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  say(`Delivering. ${server.url}/ is the console, /metrics and /api beside it.`);
  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  say(`${signal}: ending what is in flight …`);
  await server.close();
  await webhooks.close(stopDeadlineMs);
  // The signal's own exit code (128 + its number), as a process without a handler would have.
  process.kill(process.pid, signal);
}
