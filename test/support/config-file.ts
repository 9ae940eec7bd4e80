/** The configuration file for tests, in a folder of each test's own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach } from "vitest";
import { type ConfigSource, loadConfig } from "../../src/settings/read/config.ts";
import { WebhookError } from "../../src/event/errors.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let cwd: string;

beforeEach(() => {
  cwd = temporaryFolder();
});

/** A secret that is strong enough, and found where it is shown. */
export const strong = "canary-0123456789abcdef";

/** Returns a path in the folder that holds the file; without a name, the folder's. */
export function inFolder(name = ""): string {
  return join(cwd, name);
}

/** Loads a configuration as the folder's file, or what the folder holds. */
export function load(text: string | Buffer | undefined, source: ConfigSource = {}) {
  if (text !== undefined) writeFileSync(inFolder("mova.config.yaml"), text);
  return loadConfig({ cwd, env: {}, ...source });
}

/** Returns the error's message without its last line, which only counts. */
export function mistakes(text: string | Buffer | undefined, source: ConfigSource = {}): string {
  try {
    load(text, source);
  } catch (error) {
    if (!WebhookError.is(error, "CONFIG_INVALID")) throw error;
    const counted =
      /\nThere (is 1 mistake|are \d+ mistakes) in the configuration\. (Correct the value|Give the path) .+\.$/;
    if (!counted.test(error.message))
      throw new Error("The last line does not count the mistakes", { cause: error });
    return error.message.split("\n").slice(0, -1).join("\n");
  }
  throw new Error("The configuration was accepted");
}
