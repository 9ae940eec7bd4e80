/** CPU of one delivery, stage by stage: each alone, in the order of the story. */
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryOutbox, type Outbox } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { Bus } from "../../src/bus/bus.ts";
import { resolvePolicy } from "../../src/security/network-policy.ts";
import { guardedConnectors, HttpTransport } from "../../src/delivery/http/http-transport.ts";
import { Lane } from "../../src/delivery/lane/lane.ts";
import { createWebhookEvent, serializeEvent } from "../../src/event/webhook-event.ts";
import { silentLogger } from "../../src/event/logger.ts";
import { Secret } from "../../src/event/secret.ts";
import type { Claim, Submission } from "../../src/outbox/outbox.ts";
import { Host } from "../../src/plugin/host.ts";
import { EndpointBook } from "../../src/routing/endpoint-book.ts";
import { createSigner } from "../../src/signing/sign.ts";
import { createActivity } from "../../src/telemetry/activity.ts";
import { combineObservers } from "../../src/telemetry/lifecycle.ts";
import { createMetrics } from "../../src/telemetry/metrics/metrics.ts";
import { cache } from "../../plugins/cache/index.ts";
import { type Row, time } from "./measure.ts";
import { startReceiver } from "./receiver.ts";
import { concurrency, data, secret } from "./throughput.ts";

const count = 20_000;
const type = "cache.updated";

export async function stages(): Promise<Row[]> {
  const rows: Row[] = [];
  /** Runs every piece once to warm up, and once to be measured; so many at a time where it waits for something. */
  const measure = async (name: string, run: (n: number) => unknown, atOnce = 1): Promise<void> => {
    const all = async (): Promise<void> => {
      for (let n = 0; n < count; n += atOnce) {
        if (atOnce === 1) run(n);
        else await Promise.all(Array.from({ length: atOnce }, (_, offset) => run(n + offset)));
      }
    };
    await all();
    const { cpuMicroseconds, perSecond } = await time(count, all);
    rows.push({
      name: `stage ${name}`,
      value: cpuMicroseconds,
      unit: "µs CPU",
      note: `${perSecond.toFixed(0)}/s`,
    });
  };
  const fail = ({ error }: { error: unknown }): never => {
    throw error;
  };

  const heard = new Bus(fail);
  heard.on("cache:updated", () => undefined);
  await measure("publish", () => heard.publish("cache:updated", data));

  const metrics = createMetrics({ version: "0", now: Date.now, backlog: async () => [], lanes: () => [] });
  const lifecycle = combineObservers([metrics, createActivity(Date.now)]);
  const bus = new Bus(fail);
  const host = new Host({
    ...{ bus, lifecycle, logger: silentLogger, now: Date.now, random: Math.random },
    after: () => () => undefined,
    intake: {
      wants: () => true,
      take: (_, draft) => void createWebhookEvent({ ...draft, occurredAt: Date.now() }),
    },
  });
  host.use(cache());
  await measure("translate", () => bus.publish("cache:updated", data));

  const receiver = await startReceiver();
  const book = new EndpointBook({}, () => undefined);
  book.add({ id: "bench", url: receiver.url, secret, concurrency });
  const endpoint = book.get("bench")?.endpoint;
  if (endpoint === undefined) throw new Error("the endpoint is missing");
  const event = createWebhookEvent({ type, data, occurredAt: Date.now() });
  await measure("route", () => {
    book.table.route(event);
    serializeEvent(event, 1_000_000);
  });

  const body = serializeEvent(event, 1_000_000);
  const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-bench-"));
  const outboxes: readonly Outbox[] = [
    memoryOutbox({ maxDeliveries: 10 * count }),
    sqliteOutbox({ path: join(folder, "outbox.db") }),
  ];
  for (const outbox of outboxes) {
    let stored = 0;
    const submission = (): Submission => {
      const id = `evt_${(stored++).toString().padStart(29, "0")}`;
      const about = { id, type, source: "api", createdAt: Date.now(), origin: "bench", decisions: [] };
      return { event: { ...about, body }, deliveries: [{ id: `dlv_${id}`, endpointId: "bench", dueAt: 0 }] };
    };
    await measure(`store (${outbox.name})`, () => outbox.put([submission()]), concurrency);
    const claims: Claim[] = [];
    // Sixteen at a time, as lanes do: only every sixteenth call claims.
    await measure(
      `claim (${outbox.name})`,
      async (n) => {
        if (n % 16 === 0) claims.push(...(await claimsOf(outbox, "bench", 16)));
      },
      16,
    );
    const attempt = {
      number: 1,
      replay: 0,
      startedAt: 0,
      durationMs: 1,
      outcome: "success",
      status: 200,
    } as const;
    await measure(
      `settle and record (${outbox.name})`,
      () => {
        const claim = claims.pop();
        return claim && outbox.settle(claim, { kind: "delivered" }, attempt);
      },
      concurrency,
    );
    await outbox.close();
  }
  rmSync(folder, { recursive: true });

  const claim: Claim = {
    ...{ id: "dlv", endpointId: "bench", attempt: 1, replay: 0, lease: 0 },
    event: { id: event.id, type, source: "api", createdAt: 0, origin: "bench", body },
  };
  const lane = new Lane(endpoint, {
    ...{ now: Date.now, monotonic: () => performance.now(), random: Math.random },
    claim: async () => ({ claims: [] }),
    attempt: () => new Promise(setImmediate),
    release: () => undefined,
    circuitChanged: () => undefined,
  });
  await measure(
    "lane and queue",
    async () => {
      if (lane.reserve()) lane.accept(claim);
      await new Promise(setImmediate);
    },
    concurrency,
  );

  const signer = createSigner([new Secret(secret)], "sha256");
  await measure("sign", (n) => signer.sign(`evt_${n}`, 1_700_000_000, body));

  const policy = resolvePolicy({ allow: ["127.0.0.0/8"] });
  const transport = new HttpTransport({
    loadConnectors: guardedConnectors(policy, false),
    now: Date.now,
    maxSockets: 1024,
  });
  const headers = ["Content-Type", "application/json", "webhook-id", event.id];
  await measure("send", () => transport.post({ endpoint, headers, body }), concurrency);
  await transport.close();
  receiver.stop();

  const ids = { deliveryId: "dlv", eventId: event.id, eventType: type, endpointId: "bench" };
  const ended = { outcome: "success", durationMs: 1, status: 200 } as const;
  const attempted = { ...ids, attempt: 1, replay: 0, outcome: ended, next: "delivered" } as const;
  const settled = { ...ids, outcome: "delivered", lagMs: 1 } as const;
  await measure("observe", () => {
    lifecycle.attempted(attempted);
    lifecycle.settled(settled);
  });
  return rows;
}
