/** The demo's receiving side, a process of its own: verifies every signature, counts, and fails where it should. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { WebhookReceiver } from "../../receiver/receiver.ts";

export interface Tally {
  /** Requests that came. */
  readonly requests: number;
  /** Requests whose signatures were right. */
  readonly verified: number;
  /** Answered with an error on purpose. */
  readonly failed: number;
  /** Distinct events taken. */
  readonly events: number;
}

export type ReceiverMessage =
  | { readonly kind: "listening"; readonly url: string }
  | { readonly kind: "tallies"; readonly tallies: Readonly<Record<string, Tally>> };

const receiver = new WebhookReceiver({ secret: process.env["DEMO_SECRET"] ?? "" });
const tallies: Record<string, { -readonly [Name in keyof Tally]: number }> = {};
const triesOfEvent = new Map<string, number>();
const failuresBeforeSuccess: Readonly<Record<string, number>> = { "/steady": 0, "/flaky": 2 };

const server = createServer((request, response) => {
  void answer(request.url ?? "/", request.headers);

  async function answer(path: string, headers: typeof request.headers): Promise<void> {
    const tally = (tallies[path] ??= { requests: 0, verified: 0, failed: 0, events: 0 });
    tally.requests += 1;
    const received = await receiver.receive(await buffer(request), headers);
    if (!received.ok) {
      response.writeHead(received.status).end(received.message);
      return;
    }
    tally.verified += 1;
    const key = `${path} ${received.event.id}`;
    const tries = (triesOfEvent.get(key) ?? 0) + 1;
    triesOfEvent.set(key, tries);
    if (tries <= (failuresBeforeSuccess[path] ?? 0)) {
      tally.failed += 1;
      response.writeHead(503).end("not yet");
      return;
    }
    tally.events += 1;
    response.writeHead(200).end();
  }
});

function tell(message: ReceiverMessage): void {
  process.send?.(message);
}

server.listen(0, "127.0.0.1", () => {
  tell({ kind: "listening", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on("message", () => tell({ kind: "tallies", tallies }));
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole process group; this process stays until its parent has drained.
process.on("SIGINT", () => undefined);
