/** Connections that break anywhere, in any order, leave every adapter serving and nothing open. */
import { createServer } from "node:http";
import fc from "fast-check";
import { expect, it } from "vitest";
import { WebhookReceiver } from "../../src/receiver/receiver.ts";
import { RawClient } from "../support/raw-client.ts";
import { adapters } from "../support/receiver-adapters.ts";
import { eventBody, signedAtMs, signRequest, testSecret } from "../support/signed-request.ts";
import { listening } from "../support/listening.ts";

const numRuns = Math.ceil(Number(process.env["FUZZ_RUNS"] ?? 100_000) / 50);

const good = signRequest(eventBody("test.quick"));
const failing = signRequest(eventBody("test.failing"), { id: "evt_2" });
const long = signRequest(eventBody("test.quick", "x".repeat(5000)), { id: "evt_3" });

const request = fc.record({
  signed: fc.constantFrom(good, failing, long),
  headers: fc.constantFrom<Record<string, string>>(
    {},
    { "webhook-signature": "v1,AAAA" },
    { "webhook-timestamp": "soon" },
    { "content-type": "text/plain" },
    { "transfer-encoding": "chunked" },
    { expect: "100-continue" },
    { connection: "close" },
  ),
  /** Of the body's length, what is announced: less, as much, or more than comes. */
  announced: fc.constantFrom(-1, 0, 1, 100, 10_000),
  cuts: fc.array(fc.nat({ max: 5000 }), { maxLength: 3 }),
  waits: fc.boolean(),
});
const end = fc.constantFrom("reset", "end", "destroy", "answer");

it.each(Object.entries(adapters))("the adapter for %s", async (_name, adapter) => {
  const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs, maxBytes: 4096 });
  receiver.addHandler("test.failing", () => Promise.reject(new Error("no")));
  const server = createServer(await adapter(receiver, { bodyWithin: 0.02 }));
  const port = await listening(server);

  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), end, async (requests, how) => {
      const client = await RawClient.connect(port);
      for (const { signed, headers, announced, cuts, waits } of requests) {
        const length = "transfer-encoding" in headers ? undefined : signed.body.length + announced;
        client.sendHead("/webhook", { ...signed.headers, ...headers }, length);
        let from = 0;
        for (const cut of [...cuts.toSorted((a, b) => a - b), signed.body.length]) {
          client.send(signed.body.subarray(from, cut));
          from = cut;
          if (waits) await new Promise((resolve) => setImmediate(resolve));
        }
      }
      if (how === "reset") client.socket.resetAndDestroy();
      if (how === "end") client.socket.end();
      if (how === "answer") await client.answer();
      client.socket.destroy();
      return true;
    }),
    { numRuns },
  );

  const last = await RawClient.connect(port);
  last.sendHead("/webhook", good.headers, good.body.length);
  last.send(good.body);
  expect((await last.answer())?.status).toBe(200);
  last.socket.destroy();
  for (let open = 1; open > 0; ) {
    await new Promise((resolve) => setImmediate(resolve));
    open = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  }
  await new Promise((resolve) => server.close(resolve));
});
