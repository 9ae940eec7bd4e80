/** `mova-webhooks demo`: the whole pipeline on this machine. */
import { Command } from "commander";
import { jsonOption, readPort } from "./options.ts";

export function demoCommand(): Command {
  return new Command("demo")
    .description("Run the whole pipeline on this machine and print what it delivered.")
    .option("--stay", "go on, with metrics and console served, until Ctrl-C", false)
    .option("--port <number>", "port of the server with --stay; 0 for a free one", readPort, 9464)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks demo --stay")
    .action(async (options: { stay: boolean; port: number; json: boolean }) => {
      const { runDemo } = await import("./demo/demo.ts");
      process.exitCode = await runDemo(options);
    });
}
