// Triggers events as fast as the outbox takes them, and says each id once it is stored. Ends on SIGTERM or by force.
import { writeSync } from "node:fs";
import { WebhookManager } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";

const { path, url, trigger } = JSON.parse(process.argv[2]);
const webhooks = new WebhookManager({
  config: false,
  network: { allow: ["127.0.0.0/8"] },
  outbox: sqliteOutbox({ path }),
  endpoints: [
    {
      id: "ops",
      url,
      secret: "a secret of enough bytes",
      concurrency: 8,
      retrySchedule: [0.05],
      retries: 50,
    },
  ],
});
await webhooks.start();

let stopping = false;
process.once("SIGTERM", () => {
  stopping = true;
  void webhooks.close(2000).then(() => process.exit(0));
});

async function triggerOn() {
  while (!stopping) {
    try {
      const { id } = await webhooks.triggerEvent("cache.updated", { key: "user_data_123", size: 512 });
      writeSync(1, `${id}\n`);
    } catch (error) {
      if (error.code !== "CLOSED") throw error;
    }
  }
}

if (trigger) {
  await Promise.all(Array.from({ length: 16 }, triggerOn));
} else {
  // Only delivers what others left, then says that nothing is left.
  for (;;) {
    await webhooks.drain(5000);
    const pending = await webhooks.find({ state: "pending", limit: 1 });
    const delivering = await webhooks.find({ state: "delivering", limit: 1 });
    if (pending.deliveries.length + delivering.deliveries.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await webhooks.close();
  writeSync(1, "drained\n");
}
