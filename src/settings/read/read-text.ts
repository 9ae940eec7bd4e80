/** Reads small text files, and says plainly why one cannot be read. */
import { readFileSync, type Stats, statSync } from "node:fs";

export type TextFile = { readonly text: string; readonly mode: number } | { readonly problem: string };

/** Returns the UTF-8 text of a regular file, undefined where there is none, or what is wrong with it. */
export function readText(path: string, maxBytes: number): TextFile | undefined {
  let bytes: Buffer;
  let stats: Stats;
  try {
    stats = statSync(path);
    if (stats.isDirectory()) return { problem: "is a directory, not a file" };
    // Reading a pipe or a device could wait for ever.
    if (!stats.isFile()) return { problem: "is not a regular file" };
    if (stats.size > maxBytes) return { problem: `has ${stats.size} bytes; at most ${maxBytes} are read` };
    bytes = readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : { problem: `cannot be read (${code})` };
  }
  if (bytes.includes(0)) return { problem: "is a binary file, not a text" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), mode: stats.mode };
  } catch {
    return { problem: "is not UTF-8 text" };
  }
}
