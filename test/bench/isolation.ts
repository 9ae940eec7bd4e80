/** How long healthy endpoints wait when 49 of 50 are dead, against the same endpoints alone. */
import { WebhookManager } from "mova-webhooks";
import { percentile, type Row, series } from "./measure.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { secret } from "./throughput.ts";

const events = 1000;
const rounds = 3;

/** Milliseconds from acceptance to delivery at the healthy endpoint, p99, at about 500 events a second. */
async function healthyP99(healthy: Receiver, dead: Receiver, deadEndpoints: number): Promise<number> {
  const manager = new WebhookManager({
    config: false,
    network: { allow: ["127.0.0.0/8"] },
    endpoints: [
      { id: "healthy", url: healthy.url, secret },
      ...Array.from({ length: deadEndpoints }, (_, n) => ({
        id: `dead${n}`,
        url: dead.url,
        secret,
        timeout: 5,
      })),
    ],
    outbox: (await import("mova-webhooks")).memoryOutbox({ maxDeliveries: 1_000_000 }),
  });
  await manager.start();
  for (let n = 0; n < events; n += 10) {
    for (let burst = 0; burst < 10; burst += 1) await manager.triggerEvent("cache.updated", { n });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  let deliveries = (await manager.find({ endpointId: "healthy", limit: events })).deliveries;
  while (deliveries.some(({ state }) => state !== "delivered")) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    deliveries = (await manager.find({ endpointId: "healthy", limit: events })).deliveries;
  }
  const lags = deliveries.map(({ createdAt, attempts }) => {
    const last = attempts.at(-1);
    return (last?.startedAt ?? 0) + (last?.durationMs ?? 0) - createdAt;
  });
  await manager.close(0);
  return percentile(
    lags.sort((a, b) => a - b),
    99,
  );
}

export async function isolation(): Promise<Row[]> {
  const healthy = await startReceiver();
  const dead = await startReceiver("hang");
  const alone: number[] = [];
  const among: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const measured = [await healthyP99(healthy, dead, 0), await healthyP99(healthy, dead, 49)] as const;
    if (round === 0) continue;
    alone.push(measured[0]);
    among.push(measured[1]);
  }
  healthy.stop();
  dead.stop();
  const without = series(alone).median;
  const { median, min, max } = series(among);
  return [
    {
      name: "a healthy endpoint's p99 with 49 of 50 endpoints dead",
      value: median,
      unit: "ms",
      spread: [min, max],
      bound: { atMost: 2 * without + 50 },
      note: `${without.toFixed(1)} ms alone`,
    },
  ];
}
