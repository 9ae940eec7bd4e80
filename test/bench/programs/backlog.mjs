// Stores events while every endpoint hangs, and tells what that does to memory and to the event loop.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { WebhookManager } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";

const { path, url, count } = JSON.parse(process.argv[2]);
const manager = new WebhookManager({
  config: false,
  network: { allow: ["127.0.0.0/8"] },
  outbox: sqliteOutbox({ path }),
  endpoints: [{ id: "hangs", url, secret: "a secret of enough bytes", timeout: 30 }],
});
await manager.start();
const data = { text: "x".repeat(900) };
const publish = async (events) => {
  let left = events;
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (left-- > 0) await manager.triggerEvent("cache.updated", data);
    }),
  );
};
await publish(1000);
global.gc();
const before = process.memoryUsage().rss;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await publish(count);
delay.disable();
global.gc();
process.send({ grownBytes: process.memoryUsage().rss - before, loopP99Ms: delay.percentile(99) / 1e6 });
process.disconnect();
process.exit(0);
