/** `mova-webhooks serve`: deliver, and let other languages publish over HTTP. */
import { unwatchFile, watchFile } from "node:fs";
import { Command } from "commander";
import { nameIn } from "../settings/setting.ts";
import { loadConfig } from "../settings/read/config.ts";
import type { Logger } from "../event/logger.ts";
import type { WebhookManager } from "../manager/manager.ts";
import type { ListeningServer } from "../server/server.ts";
import { version } from "../version.ts";
import { createManager, outboxOf } from "./open-manager.ts";
import { configOption, jsonOption, readPort } from "./options.ts";
import { serverLogger } from "./server-logger.ts";
import { print } from "./terminal.ts";

interface ServeOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly watch: boolean;
  readonly json: boolean;
}

/** How long a stop waits for attempts in flight. */
const stopDeadlineMs = 10_000;

export function serveCommand(): Command {
  return new Command("serve")
    .description("Deliver what is in the outbox and take events over HTTP, until SIGTERM or Ctrl-C.")
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option("--port <number>", "port to listen on (default: 9464)", readPort)
    .option("--watch", "take over changed endpoints when the configuration file changes, as on SIGHUP", false)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks serve --config ./mova.config.yaml --port 9464")
    .action(runServe);
}

async function runServe(options: ServeOptions): Promise<void> {
  const source = options.config === undefined ? {} : { path: options.config };
  const config = loadConfig(source);
  const logger = serverLogger(config.logLevel);
  const outbox = outboxOf(config);
  const webhooks = await createManager(
    { ...(options.config === undefined ? {} : { config: options.config }), logger },
    outbox,
  );
  let server: ListeningServer;
  try {
    // Before the first delivery: where it may not listen, nothing is sent.
    server = await webhooks.listen({
      ...config.server,
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(options.port === undefined ? {} : { port: options.port }),
    });
    await webhooks.start();
  } catch (error) {
    await webhooks.close(0);
    throw error;
  }
  // Before it says that it is there: whoever hears that may send a signal at once.
  const stopWatching = reloadOnDemand(webhooks, options.watch ? config.sourcePath : undefined, logger);
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  const endpoints = webhooks.getEndpoints().length;
  logger.info(
    { version, url: server.url, outbox: outbox.type, endpoints },
    `Delivering. ${server.url}/ is the console, /metrics and /api beside it.`,
  );
  if (options.json) print({ url: server.url }, true, String);
  if (endpoints === 0) logger.warn({}, "No endpoint is configured: events go nowhere.");
  if (options.watch && config.sourcePath === undefined) {
    logger.warn({}, "There is no configuration file: nothing is watched.");
  }
  const signal = await stopped;
  logger.info({ signal }, `${signal}: ending what is in flight …`);
  stopWatching();
  // The server closes last: what is in flight can be watched to its end.
  await webhooks.close(stopDeadlineMs);
  logger.info({}, "Stopped.");
  // A plugin may hold something open.
  process.exit(0);
}

/** Reads the configuration again on SIGHUP, and when the file changes. A bad one changes nothing and is said. */
function reloadOnDemand(
  webhooks: WebhookManager,
  watchedPath: string | undefined,
  logger: Logger,
): () => void {
  function reload(): void {
    try {
      const { added, changed, removed, needRestart } = webhooks.reload();
      const count = (ids: readonly string[], what: string): string => `${ids.length} ${what}`;
      logger.info(
        { added, changed, removed },
        `Configuration read again: ${count(added, "added")}, ${count(changed, "changed")}, ${count(removed, "removed")}.`,
      );
      if (needRestart.length > 0) {
        const inFile = needRestart.map((key) => nameIn("file", key));
        logger.warn({ needRestart: inFile }, `A restart is needed for: ${inFile.join(", ")}.`);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      logger.error({}, `The configuration stays as it was. ${message}`);
    }
  }
  process.on("SIGHUP", reload);
  // Polled, because editors replace files, and a watch on the old file would hear nothing more.
  if (watchedPath !== undefined) watchFile(watchedPath, { interval: 500 }, reload);
  return () => {
    process.off("SIGHUP", reload);
    if (watchedPath !== undefined) unwatchFile(watchedPath, reload);
  };
}
