/** The full pipeline against a bare loop of `undici.request`, with the same body and concurrency, in one run. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import { memoryOutbox, type Outbox, WebhookManager, type WebhookManagerOptions } from "mova-webhooks";
import { sqliteOutbox } from "mova-webhooks/outbox/sqlite";
import { cache } from "mova-webhooks/plugins";
import { Pool } from "undici";
import { leastLoop } from "./least.ts";
import { interleave, type Row, type Run, series, time } from "./measure.ts";
import { startNginx, startReceiver } from "./receiver.ts";

export const concurrency = 64;
export const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const data = { key: "user_data_123", size: 512, operation: "set", library: "bench" } as const;

/** What the wire carries, for the loop to send the same. */
const body = JSON.stringify({
  event_type: "cache.updated",
  timestamp: new Date().toISOString(),
  data,
  source: "mova_sdk",
  version: "2.2",
});

async function bareLoop(url: string, count: number): Promise<Run> {
  const pool = new Pool(new URL(url).origin, { connections: concurrency });
  let sent = 0;
  const run = await time(count, async () => {
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (sent++ < count) {
          const answer = await pool.request({
            path: "/",
            method: "POST",
            headers: { "content-type": "application/json" },
            body,
          });
          await answer.body.dump();
        }
      }),
    );
  });
  await pool.close();
  return run;
}

/** Lets `limit` events be under way: the next may begin when the outbox has settled one. */
function windowed(
  outbox: Outbox,
  limit: number,
): { readonly outbox: Outbox; enter: () => Promise<void> | undefined } {
  const waiting: (() => void)[] = [];
  let inside = 0;
  const settle = outbox.settle.bind(outbox);
  function leave(): void {
    const proceed = waiting.shift();
    if (proceed === undefined) inside -= 1;
    else proceed();
  }
  outbox.settle = (...input) => {
    const settled = settle(...input);
    settled.then(leave, leave);
    return settled;
  };
  return {
    outbox,
    enter() {
      if (inside >= limit) return new Promise((resolve) => waiting.push(resolve));
      inside += 1;
      return undefined;
    },
  };
}

/** Triggers events, so many at a time that every connection is busy, and waits until the last is delivered. */
export async function pipeline(url: string, count: number, options: WebhookManagerOptions): Promise<Run> {
  const { outbox, enter } = windowed(options.outbox ?? memoryOutbox(), 2 * concurrency);
  const manager = new WebhookManager({
    config: false,
    plugins: [cache()],
    network: { allow: ["127.0.0.0/8"] },
    endpoints: [{ id: "bench", url, secret, concurrency }],
    ...options,
    outbox,
  });
  await manager.start();
  let triggered = 0;
  const run = await time(count, async () => {
    const publishers = Array.from({ length: 2 * concurrency }, async () => {
      while (triggered++ < count) {
        await enter();
        await manager.triggerEvent("cache.updated", data);
      }
    });
    await Promise.all(publishers);
    if (!(await manager.drain(60_000))) throw new Error("the pipeline did not drain");
  });
  const { deliveries } = await manager.find({ state: "delivered", limit: 1 });
  if (deliveries.length === 0) throw new Error("nothing was delivered");
  await manager.close();
  return run;
}

const discard: SpanExporter = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};

async function traced(url: string, count: number): Promise<Run> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(discard)] });
  const run = await pipeline(url, count, { outbox: memoryOutbox(), tracerProvider });
  await tracerProvider.shutdown();
  context.disable();
  return run;
}

async function throughSqlite(url: string, count: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-bench-"));
  const run = await pipeline(url, count, { outbox: sqliteOutbox({ path: join(folder, "outbox.db") }) });
  rmSync(folder, { recursive: true });
  return run;
}

export const contestants = {
  bare: bareLoop,
  least: (url: string, count: number) =>
    leastLoop(url, count, { body: Buffer.from(body), secret, concurrency }),
  memory: (url: string, count: number) => pipeline(url, count, { outbox: memoryOutbox() }),
  sqlite: throughSqlite,
  traced,
} satisfies Record<string, (url: string, count: number) => Promise<Run>>;

export type Contestant = keyof typeof contestants;

export async function throughput(size: { rounds: number; count: number }): Promise<Row[]> {
  const receiver = await startReceiver();
  const runs = await compete(["bare", "least", "memory", "traced", "sqlite"], receiver.url, size);
  receiver.stop();
  const { bare, least, memory, sqlite } = runs;
  return [
    ratio("the least a signed POST costs: both signatures, our headers, undici's dispatch", least, bare),
    ratio("full pipeline, memory outbox, metrics on", memory, bare, 0.8),
    ratio("the same with tracing on (batch processor)", runs.traced, bare, 0.6),
    ratio("the same through SQLite, synchronous=FULL", sqlite, bare, 0.6),
    ...(await throughNginx(size)),
  ];
}

/** A receiver that is not JavaScript. */
async function throughNginx(size: { rounds: number; count: number }): Promise<Row[]> {
  const nginx = await startNginx();
  if (nginx === undefined) {
    console.error("nginx is not installed: its row is left out");
    return [];
  }
  const { bare, memory } = await compete(["bare", "memory"], nginx.url, size);
  nginx.stop();
  return [ratio("full pipeline, memory outbox, nginx as the receiver", memory, bare)];
}

/** Each in a process of its own, as it would be used, and all in turns. */
async function compete<Name extends Contestant>(
  names: readonly Name[],
  url: string,
  { rounds, count }: { rounds: number; count: number },
): Promise<Readonly<Record<Name, readonly Run[]>>> {
  const program = fileURLToPath(new URL("programs/contestant.ts", import.meta.url));
  const started = names.map((name) => {
    const child = fork(program, [name], { execArgv: ["--import", "tsx"] });
    child.once("exit", (code) => {
      if (code !== 0) throw new Error(`${name} failed`);
    });
    const run = async (): Promise<Run> => {
      child.send({ url, count });
      const [run] = (await once(child, "message")) as [Run];
      return run;
    };
    return { name, child, run };
  });
  const entries = started.map(({ name, run }) => [name, run] as const);
  const runs = await interleave(rounds, Object.fromEntries(entries) as Record<Name, () => Promise<Run>>);
  for (const { child } of started) child.disconnect();
  return runs;
}

function ratio(name: string, ours: readonly Run[], bare: readonly Run[], atLeast?: number): Row {
  const ratios = series(ours.map((run, index) => run.perSecond / (bare[index]?.perSecond ?? Number.NaN)));
  const perSecond = series(ours.map((run) => run.perSecond)).median;
  const cpu = series(ours.map((run) => run.cpuMicroseconds)).median;
  const bareSecond = series(bare.map((run) => run.perSecond)).median;
  const bareCpu = series(bare.map((run) => run.cpuMicroseconds)).median;
  return {
    name,
    value: ratios.median,
    unit: "× bare loop",
    spread: [ratios.min, ratios.max],
    ...(atLeast === undefined ? {} : { bound: { atLeast } }),
    note: `${perSecond.toFixed(0)}/s at ${cpu.toFixed(1)} µs CPU; bare ${bareSecond.toFixed(0)}/s at ${bareCpu.toFixed(1)} µs`,
  };
}
