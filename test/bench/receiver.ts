/** Starts a receiver process and tells its URL. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Receiver {
  readonly url: string;
  stop(): void;
}

export async function startReceiver(mode: "answer" | "hang" = "answer"): Promise<Receiver> {
  const program = fileURLToPath(new URL("programs/receiver.mjs", import.meta.url));
  const child = fork(program, [mode], { execArgv: [] });
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { url: `http://127.0.0.1:${message.port}/`, stop: () => child.disconnect() };
}
