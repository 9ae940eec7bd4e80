/** Starts the receiver process and asks it what it got. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ReceiverMessage, Tally } from "./receiver-process.ts";

export interface DemoReceiver {
  readonly url: string;
  tallies(): Promise<Readonly<Record<string, Tally>>>;
  stop(): void;
}

export async function startReceiver(secret: string): Promise<DemoReceiver> {
  const child = fork(fileURLToPath(new URL("./receiver-process.js", import.meta.url)), {
    env: { ...process.env, DEMO_SECRET: secret },
    execArgv: [],
  });
  const listening = await nextMessage();
  if (listening.kind !== "listening") throw new Error("the receiver process did not start");

  async function nextMessage(): Promise<ReceiverMessage> {
    const [message] = (await once(child, "message")) as [ReceiverMessage];
    return message;
  }

  return {
    url: listening.url,
    async tallies() {
      const answer = nextMessage();
      child.send("tallies");
      const message = await answer;
      return message.kind === "tallies" ? message.tallies : {};
    },
    stop() {
      child.disconnect();
    },
  };
}
