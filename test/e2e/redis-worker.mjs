/** A process that delivers from a Redis outbox until it is killed: node redis-worker.mjs <redis url> <endpoint url>. */
import { WebhookManager } from "../../dist/src/index.js";
import { redisOutbox } from "../../dist/src/outbox/redis/index.js";

const [redisUrl, endpointUrl] = process.argv.slice(2);

function say(level) {
  return (fields, message) => process.stderr.write(`${level} ${message} ${fields.err?.message ?? ""}\n`);
}

const webhooks = new WebhookManager({
  config: false,
  outbox: redisOutbox({ url: redisUrl, leaseMs: 3000 }),
  endpoints: [
    { id: "sink", url: endpointUrl, secret: "end-to-end-secret-of-24-bytes", retrySchedule: [1, 1, 1] },
  ],
  network: { allow: ["127.0.0.1"] },
  logger: { debug() {}, info() {}, warn: say("warn"), error: say("error") },
});
// Redis may be away just now: the test then starts another worker.
await webhooks.start().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
process.send?.("started");
// The test's channel keeps this process alive, and ends it with the test.
process.on("disconnect", () => process.exit());
