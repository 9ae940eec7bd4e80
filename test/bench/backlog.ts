/** Memory and event loop of a process that stores 100,000 events while every endpoint hangs. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Row } from "./measure.ts";
import { startReceiver } from "./receiver.ts";

export async function backlog(count: number): Promise<Row[]> {
  const receiver = await startReceiver("hang");
  const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-bench-"));
  const settings = JSON.stringify({ path: join(folder, "outbox.db"), url: receiver.url, count });
  const program = fileURLToPath(new URL("programs/backlog.mjs", import.meta.url));
  const child = fork(program, [settings], { execArgv: ["--expose-gc"] });
  const [result] = (await once(child, "message")) as [{ grownBytes: number; loopP99Ms: number }];
  receiver.stop();
  rmSync(folder, { recursive: true });
  const name = `${count.toLocaleString("en")} stored events, every endpoint hanging (SQLite)`;
  return [
    {
      name: `${name}: memory growth`,
      value: result.grownBytes / 1_048_576,
      unit: "MB",
      bound: { atMost: 64 },
    },
    { name: `${name}: event-loop p99`, value: result.loopP99Ms, unit: "ms", bound: { atMost: 20 } },
  ];
}
