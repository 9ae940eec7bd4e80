/** Tells whether anybody configured webhooks for this program, without loading what would read it. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** A variable that is set to nothing counts as one that is not set. */
export function isConfigured(env: NodeJS.ProcessEnv, cwd: string): boolean {
  const named = Object.keys(env).some((name) => name.startsWith("MOVA_WEBHOOK_") && env[name] !== "");
  return named || existsSync(join(cwd, "mova.config.yaml"));
}
