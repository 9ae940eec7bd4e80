/** `mova-webhooks secret`: a good secret. */
import { Command } from "commander";
import { generateSecret } from "../signing/key.ts";
import { jsonOption } from "./options.ts";
import { print } from "./terminal.ts";

export function secretCommand(): Command {
  return new Command("secret")
    .description("Print a new secret of 32 random bytes.")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ mova-webhooks secret > hook-secret && chmod 600 hook-secret")
    .action(({ json }: { json: boolean }) =>
      print({ secret: generateSecret() }, json, ({ secret }) => secret),
    );
}
