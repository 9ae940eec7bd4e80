/** `mova-webhooks sign`: the headers that a body is sent with, computed offline. */
import { Command, Option } from "commander";
import { Secret } from "../event/secret.ts";
import { createSigner } from "../signing/sign.ts";
import { jsonOption, readInput, readSeconds, readSecret, secretOptions } from "./options.ts";
import { print } from "./terminal.ts";

interface SignOptions {
  readonly json: boolean;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly id: string;
  readonly timestamp?: number;
  readonly algorithm: "sha256" | "sha1";
}

export function signCommand(): Command {
  const command = new Command("sign")
    .description("Print the signature headers of a body, without sending anything.")
    .argument("<body>", "the body: a text, @file or - for stdin")
    .option("--id <id>", "webhook-id", "evt_1")
    .option("--timestamp <seconds>", "Unix seconds (default: now)", readSeconds)
    .addOption(
      new Option("--algorithm <name>", "hash of X-Mova-Signature")
        .choices(["sha256", "sha1"])
        .default("sha256"),
    )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ MOVA_WEBHOOK_SECRET=… mova-webhooks sign @body.json --id evt_42");
  for (const option of secretOptions()) command.addOption(option);
  return command.action(async (given: string, options: SignOptions) => {
    const timestamp = options.timestamp ?? Math.floor(Date.now() / 1000);
    const signer = createSigner([new Secret(readSecret(options))], options.algorithm);
    const signatures = signer.sign(options.id, timestamp, Buffer.from(await readInput(given)));
    const headers = { "webhook-id": options.id, "webhook-timestamp": String(timestamp), ...signatures };
    print(headers, options.json, (data) =>
      Object.entries(data)
        .map(([name, value]) => `${name}: ${String(value)}`)
        .join("\n"),
    );
  });
}
