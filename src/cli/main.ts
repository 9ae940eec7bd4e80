#!/usr/bin/env node
/** The command line: one file per command, put together here; their errors become exit codes. */
import { Command, CommanderError } from "commander";
import { version } from "../version.ts";
import { attemptsCommand } from "./attempts-command.ts";
import { configCommand } from "./config-command.ts";
import { deliveriesCommand } from "./deliveries-command.ts";
import { demoCommand } from "./demo-command.ts";
import { doctorCommand } from "./doctor-command.ts";
import { endpointsCommand } from "./endpoints-command.ts";
import { explainCommand } from "./explain-command.ts";
import { listenCommand } from "./listen-command.ts";
import { outboxCommand } from "./outbox-command.ts";
import { secretCommand } from "./secret-command.ts";
import { sendCommand } from "./send-command.ts";
import { serveCommand } from "./serve-command.ts";
import { signCommand } from "./sign-command.ts";
import { statusCommand } from "./status-command.ts";
import { exitCodeOf, say } from "./terminal.ts";
import { verifyCommand } from "./verify-command.ts";

const commands = [
  demoCommand(),
  serveCommand(),
  sendCommand(),
  listenCommand(),
  deliveriesCommand(),
  attemptsCommand(),
  explainCommand(),
  statusCommand(),
  endpointsCommand(),
  outboxCommand(),
  doctorCommand(),
  configCommand(),
  secretCommand(),
  signCommand(),
  verifyCommand(),
];

const program = new Command("mova-webhooks")
  .description("Signed webhooks from what happens inside a program.")
  .version(version)
  .showHelpAfterError("(add --help for what is possible)");

for (const command of commands) program.addCommand(command);
throwInsteadOfExit(program);

// Whoever reads, such as `head`, may have enough: the rest is then not printed, and what a command does goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version were asked for and are no mistake; commander has printed its message already.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    say(`mova-webhooks: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = exitCodeOf(error);
  }
}

/** Commander would exit with 1 for wrong usage; sub-commands take this over only when told each. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) throwInsteadOfExit(sub);
}
