/** `mova-webhooks verify`: is this request genuine, and if not, why? Offline. */
import { Command, Option } from "commander";
import { type ReceiveResult, WebhookReceiver } from "../receiver/receiver.ts";
import { collect, jsonOption, readInput, readSecret, secretOptions } from "./options.ts";
import { print, say } from "./terminal.ts";

interface VerifyOptions {
  readonly json: boolean;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly header: readonly string[];
  readonly require: "standard" | "mova" | "both";
  readonly algorithm: "sha256" | "sha1";
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
    .addOption(
      new Option("--algorithm <name>", "hash of X-Mova-Signature")
        .choices(["sha256", "sha1"])
        .default("sha256"),
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
    const body = Buffer.from(await readInput(given));
    const receive = (family: "standard" | "mova"): Promise<ReceiveResult> =>
      new WebhookReceiver({
        secret: readSecret(options),
        require: family,
        signature: options.algorithm,
        ...(options.anyAge && Number.isFinite(signedAt) ? { now: () => signedAt } : {}),
      }).receive(body, headers);
    const standard = await receive("standard");
    const mova = await receive("mova");
    const required = { standard: [standard], mova: [mova], both: [standard, mova] }[options.require];
    const refusal = required.find((result) => !isGenuine(result));
    const [first] = required;
    const event = first?.ok ? first.event : undefined;
    const answer = {
      ok: refusal === undefined,
      standard: wordOf(standard),
      mova: wordOf(mova),
      ...(event === undefined ? {} : { event_type: event.event_type, id: event.id }),
      ...(refusal === undefined || refusal.ok
        ? {}
        : { code: refusal.code, message: asOptions(refusal.message) }),
      ...(refusal === undefined && first?.ok === false ? { warning: first.message } : {}),
    };
    const what = event === undefined ? "the body, as it was signed" : `${event.event_type} ${event.id}`;
    print(answer, options.json, ({ ok, code, message }) =>
      [
        ok ? `genuine: ${what}` : `refused: ${code}: ${message}`,
        `  webhook-signature  ${answer.standard}`,
        `  X-Mova-Signature   ${answer.mova}`,
      ].join("\n"),
    );
    if (answer.warning !== undefined) say(`warning: a receiver refuses it all the same. ${answer.warning}`);
    process.exitCode = answer.ok ? 0 : 1;
  });
}

/** The receiver's option is an option of this command. */
function asOptions(message: string): string {
  return message.replace('`require: "mova"`', "`--require mova`");
}

/** A body is read only once its signature was found right. */
function isGenuine(result: ReceiveResult): boolean {
  return result.ok || result.code === "BODY_INVALID";
}

function wordOf(result: ReceiveResult): string {
  return result.ok || result.code === "BODY_INVALID" ? "verified" : result.code;
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}
