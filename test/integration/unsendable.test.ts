/** What can never be sent ends at once, is counted and shown, and holds up nobody else. */
import { type Logger, memoryOutbox, type Outbox, type WebhookEndpoint } from "mova-webhooks";
import { expect, it } from "vitest";
import type { Claim } from "../../src/outbox/outbox.ts";
import { secret, testEndpoint, testManager } from "../support/pipeline.ts";
import { submission } from "../support/submission.ts";

/** An outbox that holds events with those ids, whatever kind of value they are, and damages what is claimed. */
async function holding(
  ids: readonly (string | number)[],
  damage: (claim: Claim) => Partial<Claim> = () => ({}),
): Promise<Outbox> {
  const outbox = memoryOutbox();
  const claim = outbox.claim.bind(outbox);
  outbox.claim = async (...call) => {
    const { claims } = await claim(...call);
    return { claims: claims.map((each) => ({ ...each, ...damage(each) })) };
  };
  await outbox.put(ids.map((id) => submission(id as string)));
  return outbox;
}

function logOf(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  const write = (fields: object, message: string): void => {
    if (message.startsWith("delivery.")) lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { lines, logger: { debug: write, info: write, warn: write, error: write } };
}

it("is dead at once with its reason, counted, logged and explained; the circuit takes no notice", async () => {
  const server = await testEndpoint();
  const { lines, logger } = logOf();
  const outbox = await holding(["1001"], ({ event }) => ({ event: { ...event, id: 1001 as never } }));
  const ops: WebhookEndpoint = { id: "ops", url: server.url, secret, circuitBreaker: { failures: 1 } };
  const manager = testManager({ outbox, endpoints: [ops], logger });
  await manager.start();
  expect(await manager.drain(5000)).toBe(true);
  const delivery = await manager.get("dlv_1001");
  expect(delivery).toMatchObject({
    state: "dead",
    reason: "unsendable: TypeError",
    attempts: [{ number: 1, outcome: "unsendable" }],
  });
  const explained = await manager.explain("1001");
  expect(explained?.endpoints[0]).toMatchObject({ verdict: "dead", reason: "unsendable: TypeError" });
  const metrics = await manager.registry.metrics();
  expect(metrics).toMatch(/mova_webhook_attempts_total\{.*outcome="unsendable".*\} 1/);
  expect(metrics).toMatch(/mova_webhook_deliveries_total\{.*outcome="dead".*\} 1/);
  expect(lines.map((line) => line.split(" ")[0])).toEqual(["delivery.attempted", "delivery.dead"]);
  expect(lines[0]).toContain('"detail":"TypeError"');
  expect(manager.getEndpoints()[0]).toMatchObject({ circuit: "closed", enabled: true });
  expect(server.requests).toEqual([]);
});

it("in a batch takes none of the others with it", async () => {
  const server = await testEndpoint();
  const batch = { maxEvents: 3, maxWaitSeconds: 60 };
  // A body that no batch can be made of.
  const outbox = await holding(["evt_1", 2, "evt_3"], ({ id, event }) =>
    id === "dlv_2" ? { event: { ...event, body: {} as Buffer } } : {},
  );
  const manager = testManager({ outbox, endpoints: [{ id: "ops", url: server.url, secret, batch }] });
  await manager.start();
  expect(await manager.drain(5000)).toBe(true);
  const states = await Promise.all(["dlv_evt_1", "dlv_2", "dlv_evt_3"].map((id) => manager.get(id)));
  expect(states.map((delivery) => delivery?.state)).toEqual(["delivered", "dead", "delivered"]);
  expect(server.requests.map(({ body }) => String(body))).toEqual(["[{}]", "[{}]"]);
});

it("where no request can carry its headers, and costs no retries", async () => {
  const server = await testEndpoint();
  const content = { body: Buffer.from("{}"), headers: { "x-broken": "one\ntwo" } };
  const outbox = await holding(["evt_1"], () => ({ content }));
  const manager = testManager({ outbox, endpoints: [{ id: "ops", url: server.url, secret }] });
  await manager.start();
  expect(await manager.drain(5000)).toBe(true);
  expect(await manager.get("dlv_evt_1")).toMatchObject({
    state: "dead",
    reason: "unsendable: UND_ERR_INVALID_ARG",
    attempts: [{ outcome: "unsendable" }],
  });
  expect(server.requests).toEqual([]);
});
