/** Programs as child processes: what they write, and how they end. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import "./temporary-folder.ts";

/** The folder of this repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Where it runs. @default the folder of this repository */
  readonly folder?: string;
  /** All it knows of the environment but PATH. */
  readonly env?: NodeJS.ProcessEnv;
  /** What stdin holds. @default nothing; false leaves it open */
  readonly input?: string | false;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once it has ended and all it wrote was read. */
  readonly ended: Promise<Ended>;
}

const running = new Set<ChildProcessWithoutNullStreams>();

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a program; where it has not ended when all tests of the file have, it is killed. */
export function startProgram(
  command: string,
  words: readonly string[],
  { folder = root, env = {}, input = "" }: ProgramOptions = {},
): Running {
  const child = spawn(command, words, { cwd: folder, env: { PATH: process.env["PATH"], ...env } });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  if (input !== false) child.stdin.on("error", () => undefined).end(input);
  const ended = once(child, "close").then((end) => {
    const [code, signal] = end as [number | null, string | null];
    return { code, signal, stdout: stdout(), stderr: stderr() };
  });
  return { child, stdout, stderr, ended };
}

/** Runs a program to its end. */
export function runProgram(
  command: string,
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<Ended> {
  return startProgram(command, words, options).ended;
}

/** Runs a module's text with the sources of this repository as they are. */
export function runModule(
  text: string,
  words: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Ended> {
  const evaluate = ["--import", "tsx", "--input-type=module", "--eval", text];
  return runProgram(process.execPath, [...evaluate, ...words], options);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return () => text;
}
