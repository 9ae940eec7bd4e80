/** The whole pipeline on this machine: real components, a verifying receiver, one endpoint that fails, one that is down. */
import { collectDefaultMetrics } from "prom-client";
import type { Delivery } from "../../event/delivery.ts";
import { WebhookManager } from "../../manager/manager.ts";
import type { AnyPlugin } from "../../plugin/contract.ts";
import { zeroCodePlugins } from "../../plugin/built-in.ts";
import { loadPlugin } from "../../plugin/load.ts";
import { generateSecret } from "../../signing/key.ts";
import { startLlmServer } from "../../testing/llm-server.ts";
import { runComponents } from "./components.ts";
import { type DemoReceiver, startReceiver } from "./receiver.ts";
import { endpointTable, metricLines, type ShownSpan, traceTree } from "./report.ts";
import { type SpanCollector, startTracing } from "./spans.ts";
import { sleep } from "../../time/timers.ts";

export interface DemoOptions {
  /** Goes on until Ctrl-C, with metrics served. */
  readonly stay: boolean;
  readonly port: number;
  /** Prints what was delivered as JSON, and nothing else on stdout. */
  readonly json: boolean;
}

/** Runs the demo. Returns the exit code: 0 where everything arrived that could. */
export async function runDemo({ stay, port, json }: DemoOptions): Promise<number> {
  const spans = startTracing();
  const secret = generateSecret();
  const receiver = await startReceiver(secret);
  const llm = await startLlmServer();
  const webhooks = new WebhookManager({
    config: false,
    network: { allow: ["127.0.0.0/8"] },
    secret,
    endpoints: [
      { id: "steady", url: `${receiver.url}/steady` },
      {
        id: "flaky",
        url: `${receiver.url}/flaky`,
        eventTypes: ["validation.*", "error.occurred"],
        retrySchedule: [0.3, 0.6],
        // It refuses every event at first: a circuit would open and the last try never come.
        circuitBreaker: false,
      },
      {
        id: "down",
        url: "http://127.0.0.1:9/nobody-listens",
        eventTypes: ["error.occurred", "config.updated"],
        retrySchedule: [0.3, 0.6],
        // Late enough that the first deliveries die, early enough to be seen with --stay.
        circuitBreaker: { failures: 20 },
      },
    ],
    plugins: await Promise.all(
      zeroCodePlugins.map((name): Promise<AnyPlugin> => loadPlugin(name, undefined)),
    ),
  });
  try {
    await webhooks.start();
    return await run({ webhooks, receiver, llmUrl: llm.url, spans, stay, port, json });
  } finally {
    await webhooks.close();
    receiver.stop();
    await llm.close();
    await spans.stop();
  }
}

interface Stage extends DemoOptions {
  readonly webhooks: WebhookManager;
  readonly receiver: DemoReceiver;
  readonly llmUrl: string;
  readonly spans: SpanCollector;
}

async function run({ webhooks, receiver, llmUrl, spans, stay, port, json }: Stage): Promise<number> {
  const say = (line: string): void => (json ? undefined : console.log(line));
  const redisUrl = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
  const surroundings = { webhooks, llmUrl, redisUrl, say };

  say("A program runs; its components are watched:\n");
  await runComponents(surroundings);
  const deliveries = await settled(webhooks);
  const tallies = await receiver.tallies();
  say(`\nWhat the endpoints got:\n\n${endpointTable(deliveries, tallies)}`);
  say(
    "\nsteady answers at once; flaky refuses every event twice; at down nobody listens: its deliveries are",
  );
  say("kept as dead and can be replayed.");
  say(`\nOne event that was refused twice, as a trace:\n\n${drawRetried(spans.spans(), deliveries)}`);
  say(`\nMetrics:\n\n${metricLines(await webhooks.registry.metrics())}`);
  const lost = deliveries.filter(
    (delivery) => delivery.endpointId !== "down" && delivery.state !== "delivered",
  );
  say(`\n${deliveries.length - lost.length} of ${deliveries.length} deliveries ended as they should.`);

  if (json) console.log(JSON.stringify({ ok: lost.length === 0, tallies, deliveries }));
  if (stay) await stayUntilInterrupted(surroundings, port);
  return lost.length === 0 && deliveries.length > 0 ? 0 : 1;
}

/** Waits until every delivery reached its end, 15 s at most. Returns all of them. */
async function settled(webhooks: WebhookManager): Promise<readonly Delivery[]> {
  for (let tries = 0; tries < 150; tries += 1) {
    await webhooks.drain(1000);
    const { deliveries } = await webhooks.find({ limit: 1000 });
    if (deliveries.every(({ state }) => state === "delivered" || state === "dead")) return deliveries;
    await sleep(100);
  }
  return (await webhooks.find({ limit: 1000 })).deliveries;
}

function drawRetried(spans: readonly ShownSpan[], deliveries: readonly Delivery[]): string {
  const retried = deliveries.find(({ endpointId, state }) => endpointId === "flaky" && state === "delivered");
  const attempt = retried?.attempts[0];
  const first = spans.find((span) => span.spanId === attempt?.spanId);
  const deliver = spans.find(
    (span) => span.links.length > 0 && (span === first || span.spanId === first?.parentSpanId),
  );
  const publish = spans.find((span) => deliver?.links.some((link) => link.spanId === span.spanId));
  return publish === undefined ? "no trace was recorded" : traceTree(spans, publish);
}

async function stayUntilInterrupted(
  surroundings: Parameters<typeof runComponents>[0],
  port: number,
): Promise<void> {
  const { webhooks, say } = surroundings;
  collectDefaultMetrics({ register: webhooks.registry });
  const server = await webhooks.listen({ port });
  say(`\nMetrics at ${server.url}/metrics. Events go on; Ctrl-C drains and ends.`);
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  process.once("SIGTERM", () => interrupted.abort());
  while (!interrupted.signal.aborted) {
    await runComponents({ ...surroundings, say: () => undefined });
    await sleep(1000, undefined, { signal: interrupted.signal }).catch(() => undefined);
  }
  say("\nDraining …");
  await server.close();
}
