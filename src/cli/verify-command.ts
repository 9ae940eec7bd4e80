/** `mova-webhooks verify`: is this request genuine, and if not, why? Offline. */
import { Command, Option } from "commander";
import { WebhookReceiver } from "../receiver/receiver.ts";
import { jsonOption, readInput, readSecret, secretOptions } from "./options.ts";
import { print } from "./terminal.ts";

interface VerifyOptions {
  readonly json: boolean;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly header: readonly string[];
  readonly require: "standard" | "mova" | "both";
  readonly anyAge: boolean;
}

export function verifyCommand(): Command {
  const command = new Command("verify")
    .description("Check the signature headers of a body that was received.")
    .argument("<body>", "the body: a text, @file or - for stdin")
    .requiredOption("-H, --header <line>", "a header, `name: value`; repeat it for each", collect, [])
    .addOption(
      new Option("--require <family>", "which signature must be there")
        .choices(["standard", "mova", "both"])
        .default("standard"),
    )
    .option("--any-age", "accept a timestamp of any age", false)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  $ mova-webhooks verify @body.json -H 'webhook-id: evt_42' -H 'webhook-timestamp: 1700000000' \\\n      -H 'webhook-signature: v1,…' --secret-file hook-secret --any-age",
    );
  for (const option of secretOptions()) command.addOption(option);
  return command.action(async (given: string, options: VerifyOptions) => {
    const headers = Object.fromEntries(options.header.map(splitHeader));
    const signedAt = Number(headers["webhook-timestamp"]) * 1000;
    const receiver = new WebhookReceiver({
      secret: readSecret(options),
      require: options.require,
      ...(options.anyAge && Number.isFinite(signedAt) ? { now: () => signedAt } : {}),
    });
    const result = await receiver.receive(Buffer.from(await readInput(given)), headers);
    const answer = result.ok
      ? { ok: true, event_type: result.event.event_type, id: result.event.id }
      : { ok: false, code: result.code, message: result.message };
    print(answer, options.json, () =>
      result.ok
        ? `genuine: ${result.event.event_type} ${result.event.id}`
        : `refused: ${result.code}: ${result.message}`,
    );
    process.exitCode = result.ok ? 0 : 1;
  });
}

function collect(line: string, lines: readonly string[]): readonly string[] {
  return [...lines, line];
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}
