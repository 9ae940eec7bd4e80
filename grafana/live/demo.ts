/** Runs the built demo in a process of its own, with its metrics served on a free port. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface RunningDemo {
  readonly metricsUrl: string;
  stop(): Promise<void>;
}

const main = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

/** Ends what does not end by itself: a demo that hangs must not outlive who started it. */
const patienceMs = 20_000;

/** Resolves once metrics are served. The package must have been built. */
export async function startDemo(): Promise<RunningDemo> {
  const child = spawn(process.execPath, [main, "demo", "--stay", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const giveUp = setTimeout(() => child.kill("SIGKILL"), 3 * patienceMs);
  const lines = createInterface({ input: child.stdout });
  const metricsUrl = await new Promise<string>((resolve, reject) => {
    lines.on("line", (line) => {
      const url = /Metrics at (\S+\/metrics)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    lines.on("close", () => reject(new Error("The demo ended before it served metrics")));
  });
  clearTimeout(giveUp);
  return {
    metricsUrl,
    async stop() {
      child.kill("SIGINT");
      const killing = setTimeout(() => child.kill("SIGKILL"), patienceMs);
      await ended;
      clearTimeout(killing);
    },
  };
}
