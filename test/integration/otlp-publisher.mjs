// Publishes one event into a SQLite outbox under a traced component, says its delivery once the first attempt failed, and
// then waits to be killed. Run with --import tsx.
import { trace } from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { WebhookManager } from "../../src/index.ts";
import { sqliteOutbox } from "../../src/outbox/sqlite/index.ts";

const { path, url, secret } = JSON.parse(process.argv[2]);
new NodeSDK({ instrumentations: [], autoDetectResources: false }).start();
const webhooks = new WebhookManager({
  config: false,
  network: { allow: ["127.0.0.0/8"] },
  outbox: sqliteOutbox({ path }),
  endpoints: [{ id: "ops", url, secret, retrySchedule: [0.2], retries: 50 }],
});
await webhooks.start();
const { deliveries } = await trace.getTracer("test").startActiveSpan("component", async (span) => {
  const triggered = await webhooks.triggerEvent("error.occurred", {});
  span.end();
  return triggered;
});
let attempts = [];
while (attempts.length === 0) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  attempts = (await webhooks.get(deliveries[0]))?.attempts ?? [];
}
console.log(JSON.stringify({ delivery: deliveries[0] }));
setInterval(() => undefined, 1000);
