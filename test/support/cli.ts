/** The built command line as a program, in a folder of each test's own. `npm test` builds it before. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach } from "vitest";
import { secret } from "./pipeline.ts";
import { type ProgramOptions, root, type Running, startProgram } from "./program.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

const main = join(root, "dist/src/cli/main.js");

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

/** How a command ended; `out` and `err` is what it wrote. */
export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Returns a path in the folder that commands run in; without a name, the folder's. */
export function inFolder(name = ""): string {
  return join(folder, name);
}

export function write(name: string, content: string): string {
  const path = inFolder(name);
  writeFileSync(path, content);
  return path;
}

/** Starts a command. */
export function startCli(words: readonly string[], options: ProgramOptions = {}): Running {
  return startProgram(process.execPath, [main, ...words], { folder, ...options });
}

export async function cli(words: readonly string[], options: ProgramOptions = {}): Promise<Said> {
  const { code, stdout, stderr } = await startCli(words, options).ended;
  return { code, out: stdout, err: stderr };
}

/** Runs a command whose output is closed at once, as `head` does when it has enough. */
export async function cliUnread(words: readonly string[]): Promise<Omit<Said, "out">> {
  const unread = startCli(words);
  unread.child.stdout.destroy();
  const { code, stderr } = await unread.ended;
  return { code, err: stderr };
}

/** Starts `listen` on a port of its own; `url` is where it listens. */
export async function startListen(
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<Running & { readonly url: string }> {
  const listening = startCli(["listen", "--port", "0", ...words], options);
  const url = (): string | undefined => /http:\S+\//.exec(listening.stderr())?.[0];
  await until(() => url() !== undefined);
  return { ...listening, url: url() ?? "" };
}

/** Starts `serve` for one endpoint with the memory outbox; without a URL its configuration is the folder's file. */
export function startServe(url?: string, ...words: string[]): Running {
  const env = {
    MOVA_WEBHOOK_URL: url,
    MOVA_WEBHOOK_SECRET: secret,
    MOVA_WEBHOOK_ALLOW: "127.0.0.0/8",
    MOVA_WEBHOOK_OUTBOX: "memory",
  };
  return startCli(["serve", "--port", "0", ...words], url === undefined ? {} : { env });
}

/** Returns where a `serve` says that it listens. */
export function urlOf(serving: Running): string {
  return /http:\S+?(?=\/ )/.exec(serving.stderr())?.[0] ?? "";
}
