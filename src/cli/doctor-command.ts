/** `mova-webhooks doctor`: everything that can be wrong before the first event, and what to do about it. */
import { Command } from "commander";
import { runChecks } from "./doctor-checks.ts";
import type { Finding } from "./doctor-finding.ts";
import { type CommonOptions, configOption, jsonOption } from "./options.ts";
import { paint, print, say } from "./terminal.ts";

interface DoctorOptions extends CommonOptions {
  readonly send: boolean;
}

const marks = { ok: paint("green", "✓"), warn: paint("yellow", "!"), fail: paint("red", "✗") };

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Check configuration, secrets, endpoints, outbox and clock, and say what to do.")
    .option("--send", "also send a signed test event to every endpoint", false)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks doctor --send")
    .action(async (options: DoctorOptions) => {
      const findings: Finding[] = [];
      for await (const finding of runChecks(options)) {
        findings.push(finding);
        if (!options.json) print(finding, false, show);
      }
      if (options.json) print(findings, true, String);
      const failed = findings.filter((finding) => finding.level === "fail").length;
      if (failed > 0) say(`${failed} of ${findings.length} checks failed`);
      process.exitCode = failed > 0 ? 1 : 0;
    });
}

function show({ level, check, message, remedy }: Finding): string {
  return `${marks[level]} ${check}: ${message}${remedy === undefined ? "" : `\n    → ${remedy}`}`;
}
