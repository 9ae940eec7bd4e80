/** A redis-server of a test's own, on a port and in a directory of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends the process with its connections; the files stay. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Stops its process in its tracks with SIGSTOP, or lets it go on. */
  signal(signal: NodeJS.Signals): void;
  /** Runs it again on the same port and files. */
  start(): Promise<void>;
  /** Stops it and removes its files. */
  end(): Promise<void>;
}

/** Why tests that start a Redis cannot run here; undefined where they can. */
export function reasonWithoutRedisServer(): string | undefined {
  const { status } = spawnSync("redis-server", ["--version"]);
  return status === 0 ? undefined : "redis-server is not installed";
}

/** Starts a server with the settings given, such as `--requirepass x`. */
export async function startRedis(...settings: string[]): Promise<RedisServer> {
  const directory = temporaryFolder();
  const port = await freePort();
  let running: ChildProcess | undefined;

  async function start(): Promise<void> {
    const own = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", ""];
    const child = spawn("redis-server", [...own, ...settings], { stdio: ["ignore", "pipe", "inherit"] });
    running = child;
    let said = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      said += String(chunk);
      if (said.includes("Ready to accept connections")) break;
    }
    child.stdout.destroy();
    if (child.exitCode !== null) throw new Error(`redis-server ended: ${said}`);
  }

  async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = running;
    running = undefined;
    child?.kill(signal);
    while (child !== undefined && child.exitCode === null && child.signalCode === null) await sleep(5);
  }

  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    signal: (signal) => void running?.kill(signal),
    async end() {
      await stop("SIGKILL");
    },
  };
}
