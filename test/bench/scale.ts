/** How throughput and latency change with the number of endpoints, the backlog, and a steady load. */
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryOutbox, WebhookManager } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { percentile, type Row, time } from "./measure.ts";
import { startReceiver } from "./receiver.ts";
import { concurrency, pipeline, secret } from "./throughput.ts";

const network = { allow: ["127.0.0.0/8"] };

/** Deliveries a second, each event going to one of `endpoints`. */
export async function byEndpoints(counts: readonly number[], deliveries: number): Promise<Row[]> {
  const receiver = await startReceiver();
  const rows: Row[] = [];
  for (const endpoints of counts) {
    const manager = new WebhookManager({
      config: false,
      network,
      eventTypes: ["bench.*"],
      outbox: memoryOutbox({ maxDeliveries: 10 * deliveries }),
      endpoints: Array.from({ length: endpoints }, (_, n) => ({
        id: `e${n}`,
        url: receiver.url,
        secret,
        eventTypes: [`bench.e${n}`],
        concurrency: Math.max(1, Math.ceil(concurrency / endpoints)),
      })),
    });
    await manager.start();
    let next = 0;
    const run = await time(deliveries, async () => {
      await Promise.all(
        Array.from({ length: 4 * concurrency }, async () => {
          while (next < deliveries) await manager.triggerEvent(`bench.e${next++ % endpoints}`, {});
        }),
      );
      await manager.drain(60_000);
    });
    await manager.close();
    rows.push({ name: `deliveries with ${endpoints} endpoints`, value: run.perSecond, unit: "/s" });
  }
  receiver.stop();
  return rows;
}

/** One `claim(16)` with its commit, and deliveries a second to another endpoint, while so many deliveries wait. */
export async function byBacklog(sizes: readonly number[], deliveries: number): Promise<Row[]> {
  const receiver = await startReceiver();
  const rows: Row[] = [];
  for (const size of sizes) {
    const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-bench-"));
    const outbox = sqliteOutbox({ path: join(folder, "outbox.db") });
    const event = {
      type: "bench.waits",
      source: "api",
      origin: "bench",
      body: Buffer.alloc(200),
      decisions: [],
    };
    const createdAt = Date.now();
    const submission = (n: number) => ({
      event: { ...event, id: `evt_${n}`, createdAt },
      deliveries: [{ id: `dlv_${n}`, endpointId: `e${n % 10}`, dueAt: n }],
    });
    for (let n = 0; n < size; n += 1000) {
      await outbox.put(
        Array.from({ length: Math.min(1000, size - n) }, (_, offset) => submission(n + offset)),
      );
    }
    const samples: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      const startedAt = performance.now();
      const claims = await claimsOf(outbox, `e${round % 10}`, 16);
      samples.push(performance.now() - startedAt);
      await Promise.all(
        claims.map((claim) => outbox.settle(claim, { kind: "release", dueAt: claim.event.createdAt })),
      );
    }
    const run = await pipeline(receiver.url, deliveries, { outbox });
    rmSync(folder, { recursive: true });
    samples.sort((a, b) => a - b);
    rows.push({
      name: `SQLite claim(16) with ${size.toLocaleString("en")} waiting`,
      value: percentile(samples, 50),
      unit: "ms",
      spread: [percentile(samples, 5), percentile(samples, 95)],
    });
    rows.push({
      name: `SQLite deliveries with ${size.toLocaleString("en")} waiting for other endpoints`,
      value: run.perSecond,
      unit: "/s",
      note: `${run.cpuMicroseconds.toFixed(1)} µs CPU`,
    });
  }
  receiver.stop();
  return rows;
}

/** Milliseconds from acceptance to the receiver's answer at 1,000 events a second. */
export async function latency(seconds: number): Promise<Row[]> {
  const receiver = await startReceiver();
  const manager = new WebhookManager({
    config: false,
    network,
    outbox: memoryOutbox({ maxDeliveries: 100_000 }),
    endpoints: [{ id: "e", url: receiver.url, secret }],
  });
  await manager.start();
  const startedAt = performance.now();
  let sent = 0;
  while (performance.now() - startedAt < seconds * 1000) {
    const owed = Math.floor(performance.now() - startedAt) - sent;
    for (let n = 0; n < owed; n += 1) await manager.triggerEvent("cache.updated", {});
    sent += Math.max(owed, 0);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await manager.drain(10_000);
  const { deliveries } = await manager.find({ limit: sent });
  const lags = deliveries.map(
    ({ createdAt, attempts: [first] }) => (first?.startedAt ?? 0) + (first?.durationMs ?? 0) - createdAt,
  );
  lags.sort((a, b) => a - b);
  await manager.close();
  receiver.stop();
  return [50, 95, 99].map((percent) => ({
    name: `accepted to answered at 1,000 events/s, p${percent}`,
    value: percentile(lags, percent),
    unit: "ms",
  }));
}
