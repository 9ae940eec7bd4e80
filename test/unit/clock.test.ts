/** A wall clock that is set, by hours or days, while a worker runs or while none does. */
import { claimsOf } from "../../src/testing/outbox-subject.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type DisableCause, Worker } from "../../src/delivery/worker.ts";
import type { WebhookEndpoint } from "../../src/event/endpoint.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import { silentLogger } from "../../src/event/logger.ts";
import { memoryOutbox } from "../../src/outbox/memory/memory-outbox.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { combineObservers } from "../../src/telemetry/lifecycle.ts";
import { createTracing } from "../../src/telemetry/tracing/tracing.ts";
import { submission } from "../support/submission.ts";

vi.mock("../../src/time/timers.ts", () => import("../support/followed-timers.ts"));

const [second, hour, day] = [1000, 3_600_000, 86_400_000];
/** What somebody did to the wall clock. */
let setBy: number;
let outbox: Outbox;
let posts: number;
let status: number;
let disabled: DisableCause[];

const now = (): number => Date.now() + setBy;

async function store(id: string, at = now()): Promise<void> {
  await outbox.put([submission(id, { at })]);
}

async function startWorker(settings: Partial<WebhookEndpoint>): Promise<Worker> {
  const worker = new Worker({
    outbox,
    transport: {
      post: async () => {
        posts += 1;
        return { outcome: status < 300 ? "success" : "http_5xx", status, durationMs: 1 };
      },
      forget: () => undefined,
      close: async () => undefined,
    },
    tracing: createTracing({ now }),
    lifecycle: combineObservers([]),
    logger: silentLogger,
    now,
    monotonic: () => performance.now(),
    random: () => 1,
    origin: "o",
    maxInFlight: 10,
    remember: () => undefined,
    statesChanged: () => undefined,
    disable: (cause) => disabled.push(cause),
  });
  worker.putEndpoint(
    resolveEndpoint({
      id: "ops",
      url: "https://example.com",
      secret: "secret",
      throttledWait: 0,
      ...settings,
    }),
    true,
  );
  await worker.start();
  await vi.advanceTimersByTimeAsync(10);
  return worker;
}

beforeEach(() => {
  vi.useFakeTimers();
  setBy = 0;
  outbox = memoryOutbox({ now });
  [posts, status, disabled] = [0, 503, []];
});

afterEach(() => void vi.useRealTimers());

describe.each([
  ["an hour", hour],
  ["a day", day],
])("a clock that is set back by %s", (_, back) => {
  it("puts no retry off", async () => {
    await store("evt_1");
    await startWorker({ retrySchedule: [10], circuitBreaker: false });
    expect(posts).toBe(1);
    setBy = -back;
    await vi.advanceTimersByTimeAsync(11 * second);
    await vi.advanceTimersByTimeAsync(12 * second);
    expect(posts).toBe(2);
  });

  it("keeps no circuit open", async () => {
    await store("evt_1");
    const worker = await startWorker({ retrySchedule: [0], circuitBreaker: { failures: 1, wait: 5 } });
    expect([worker.lane("ops")?.circuit.state, posts]).toEqual(["open", 1]);
    setBy = -back;
    const { circuit } = worker.lane("ops") ?? {};
    if (circuit?.state !== "open") throw new Error("Expected an open circuit");
    expect(circuit.until - now()).toBeLessThanOrEqual(5 * second);
    await vi.advanceTimersByTimeAsync(5 * second);
    expect(posts).toBe(2);
  });

  it("holds up no rate limit", async () => {
    status = 200;
    for (let n = 0; n < 4; n += 1) await store(`evt_${n}`);
    await startWorker({ rateLimit: { max: 2, per: 3 } });
    expect(posts).toBe(2);
    vi.setSystemTime(Date.now() - back);
    await vi.advanceTimersByTimeAsync(3 * second);
    expect(posts).toBe(4);
  });
});

it("what is due in days, because the clock was set back while no process ran, is delivered soon", async () => {
  status = 200;
  setBy = 2 * day;
  await store("evt_1");
  setBy = 0;
  await startWorker({ retrySchedule: [5] });
  expect(posts).toBe(0);
  await vi.advanceTimersByTimeAsync(6 * second);
  expect(posts).toBe(1);
});

it("a wait that a receiver asked for is kept over a start", async () => {
  await store("evt_1");
  const [claim] = await claimsOf(outbox, "ops", 1);
  if (claim === undefined) throw new Error("Expected a claim");
  await outbox.settle(claim, { kind: "retry", dueAt: now() + day, reason: "http_429" });
  await startWorker({ retrySchedule: [5] });
  await vi.advanceTimersByTimeAsync(hour);
  expect(posts).toBe(0);
});

it("a clock that is set forward switches off no endpoint for failing too long", async () => {
  const worker = await startWorker({ retries: 0, circuitBreaker: false });
  for (let n = 0; n < 4; n += 1) {
    await store(`evt_${n}`);
    worker.wake("ops");
    await vi.advanceTimersByTimeAsync(second);
    setBy += 2 * day;
  }
  expect([posts, disabled]).toEqual([4, []]);
});
