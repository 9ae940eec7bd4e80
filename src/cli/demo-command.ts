/** `mova-webhooks demo`: the whole pipeline on this machine. */
import { Command, InvalidArgumentError } from "commander";

export function demoCommand(): Command {
  return new Command("demo")
    .description("Run the whole pipeline on this machine and print what it delivered.")
    .option("--stay", "go on, with metrics served, until Ctrl-C", false)
    .option("--port <number>", "port of the metrics with --stay; 0 for a free one", readPort, 9464)
    .addHelpText("after", "\nExample:\n  $ mova-webhooks demo --stay")
    .action(async (options: { stay: boolean; port: number }) => {
      const { runDemo } = await import("./demo/demo.ts");
      process.exitCode = await runDemo(options);
    });
}

function readPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("expected a port from 0 to 65535");
}
