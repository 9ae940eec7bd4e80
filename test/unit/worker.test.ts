/** When the worker looks into its outbox: never too late, and never for nothing. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Worker } from "../../src/delivery/worker.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import { silentLogger } from "../../src/event/logger.ts";
import { memoryOutbox } from "../../src/outbox/memory/memory-outbox.ts";
import { combineObservers } from "../../src/telemetry/lifecycle.ts";
import { createTracing } from "../../src/telemetry/tracing/tracing.ts";
import { submission } from "../support/submission.ts";

vi.mock("../../src/time/timers.ts", () => import("../support/followed-timers.ts"));

let posts: number;
let looks: number;

/** A worker whose endpoint answers 503, with one delivery that is due; it is in the state of an open circuit. */
async function workerWithOpenCircuit(now: () => number): Promise<Worker> {
  const outbox = memoryOutbox();
  const due = outbox.due.bind(outbox);
  outbox.due = () => {
    looks += 1;
    return due();
  };
  await outbox.put([submission("evt")]);
  const worker = new Worker({
    outbox,
    transport: {
      post: async () => {
        posts += 1;
        return { outcome: "http_5xx", status: 503, durationMs: 1 };
      },
      forget: () => undefined,
      close: async () => undefined,
    },
    tracing: createTracing({ now }),
    lifecycle: combineObservers([]),
    logger: silentLogger,
    now,
    monotonic: now,
    random: () => 1,
    origin: "o",
    maxInFlight: 10,
    remember: () => undefined,
    statesChanged: () => undefined,
    disable: () => undefined,
  });
  const circuitBreaker = { failures: 1, wait: 1 };
  const settings = {
    id: "ops",
    url: "https://example.com",
    secret: "secret",
    retrySchedule: [0],
    circuitBreaker,
  };
  worker.putEndpoint(resolveEndpoint(settings), true);
  await worker.start();
  await vi.advanceTimersByTimeAsync(100);
  expect([worker.lane("ops")?.circuit.state, posts]).toEqual(["open", 1]);
  return worker;
}

beforeEach(() => {
  vi.useFakeTimers();
  [posts, looks] = [0, 0];
});

afterEach(() => void vi.useRealTimers());

it("probes a circuit whose wait ends while it looks", async () => {
  let until = Number.POSITIVE_INFINITY;
  let late = false;
  // The first look at the clock in the moment of the probe is a millisecond early, as timers are now and then.
  const worker = await workerWithOpenCircuit(() => {
    const now = Date.now();
    if (now < until || late) return now;
    late = true;
    return until - 1;
  });
  const circuit = worker.lane("ops")?.circuit;
  if (circuit?.state === "open") until = circuit.until;
  await vi.advanceTimersByTimeAsync(1000);
  expect([late, posts]).toEqual([true, 2]);
});

it("does not look again and again for an endpoint that is switched off", async () => {
  const worker = await workerWithOpenCircuit(Date.now);
  worker.setEnabled("ops", false);
  await vi.advanceTimersByTimeAsync(2000);
  looks = 0;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(looks).toBe(0);
});
