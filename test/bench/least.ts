/** The least that a signed POST costs: both signatures, our headers, undici's `dispatch`, and nothing else of ours. */
import { Client } from "undici";
import { Secret } from "../../src/event/secret.ts";
import { createSigner } from "../../src/signing/sign.ts";
import { type Run, time } from "./measure.ts";

export function leastLoop(
  url: string,
  count: number,
  { body, secret, concurrency }: { body: Buffer; secret: string; concurrency: number },
): Promise<Run> {
  const { origin } = new URL(url);
  const signer = createSigner([new Secret(secret)], "sha256");
  let sent = 0;
  const post = (client: Client, done: () => void, failed: (error: Error) => void): void => {
    if (sent >= count) return done();
    sent += 1;
    const id = `evt_${sent.toString().padStart(29, "0")}`;
    client.dispatch(
      { method: "POST", path: "/", headers: headersOf(id), body },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd: () => post(client, done, failed),
        onResponseError: (_, error) => failed(error),
      },
    );
  };
  const headersOf = (id: string): string[] => {
    const seconds = Math.floor(Date.now() / 1000);
    const signatures = signer.sign(id, seconds, body);
    return [
      ...["Content-Type", "application/json", "User-Agent", "MOVA-SDK/2.2", "X-Mova-Event", "cache.updated"],
      ...["X-Mova-Timestamp", String(seconds), "X-Mova-Signature", signatures["X-Mova-Signature"]],
      ...["X-Mova-Delivery", `dlv_${id}_0123456789`, "X-Mova-Attempt", "1", "webhook-id", id],
      ...["webhook-timestamp", String(seconds), "webhook-signature", signatures["webhook-signature"]],
    ];
  };
  return time(count, async () => {
    const clients = Array.from({ length: concurrency }, () => new Client(origin, { pipelining: 1 }));
    await Promise.all(
      clients.map((client) => new Promise<void>((done, failed) => post(client, done, failed))),
    );
    await Promise.all(clients.map((client) => client.close()));
  });
}
