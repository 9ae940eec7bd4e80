/** Secrets that stand in files of their own, as container platforms mount them. */
import { resolve } from "node:path";
import { readText } from "./read-text.ts";

const maxBytes = 65_536;

/** Returns the secret without its last line break, or what is wrong. Warns where other users may read the file. */
export function readSecretFile(
  path: string,
  directory: string,
  warnings: string[],
): { readonly secret: string } | { readonly problem: string } {
  const file = readText(resolve(directory, path), maxBytes);
  if (file === undefined) return { problem: `there is no file \`${path}\`` };
  if ("problem" in file) return { problem: `\`${path}\` ${file.problem}` };
  const secret = file.text.replace(/\r?\n$/, "");
  if (secret.trim() === "") return { problem: `\`${path}\` is empty` };
  // Windows has no such bits.
  if (process.platform !== "win32" && (file.mode & 0o077) !== 0) {
    warnings.push(`Other users can read the secret in \`${path}\`; \`chmod 600\` it`);
  }
  return { secret };
}
