#!/usr/bin/env node
/** The command line: one file per command, put together here. */
import { Command } from "commander";
import { version } from "../version.ts";
import { demoCommand } from "./demo-command.ts";

const program = new Command("mova-webhooks")
  .description("Signed webhooks from what happens inside a program.")
  .version(version)
  .addCommand(demoCommand());

await program.parseAsync();
