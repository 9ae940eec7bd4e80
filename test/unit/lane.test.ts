import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Lane } from "../../src/delivery/lane/lane.ts";
import type { WebhookEndpoint } from "../../src/event/endpoint.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import type { Claim } from "../../src/outbox/outbox.ts";

vi.mock("../../src/time/timers.ts", () => import("../support/followed-timers.ts"));

let now = 0;
let waiting: Claim[];
let posts: Claim[][];
let released: Claim[];
let states: string[];
/** Ends the oldest post that is running. */
let end: (failed: boolean) => Promise<void>;

function laneOf(settings: Partial<WebhookEndpoint>): Lane {
  const endpoint = resolveEndpoint({ id: "ops", url: "https://example.com", secret: "secret", ...settings });
  const running: (() => void)[] = [];
  const lane = new Lane(endpoint, {
    claim: async (limit) => ({ claims: waiting.splice(0, limit) }),
    attempt: (claims) => {
      posts.push([...claims]);
      return new Promise((resolve) => running.push(resolve));
    },
    release: (handedBack) => void released.push(...handedBack),
    circuitChanged: ({ state }) => states.push(state),
    now: () => now,
    monotonic: () => now + performance.now(),
    random: () => 1,
  });
  end = async (failed) => {
    lane.report(failed);
    running.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return lane;
}

function claims(count: number, more: Partial<Claim> = {}): Claim[] {
  return Array.from({ length: count }, (_, n) => {
    const event = {
      id: `evt_${n}`,
      type: "t.t",
      source: "api",
      createdAt: 0,
      origin: "t",
      body: Buffer.from("1"),
    };
    return { id: `dlv_${n}`, endpointId: "ops", event, attempt: 1, replay: 0, lease: n, ...more };
  });
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  [posts, released, states] = [[], [], []];
});

afterEach(() => void vi.useRealTimers());

describe("the queue of a lane", () => {
  it("runs so many posts at once, the others in the order they came", async () => {
    waiting = claims(5);
    const lane = laneOf({ concurrency: 2 });
    lane.wake();
    await settle();
    const begun = [posts.length];
    while (!lane.idle) {
      await end(false);
      begun.push(posts.length);
    }
    expect(begun).toEqual([2, 3, 4, 5, 5, 5]);
    expect(posts.map(([claim]) => claim?.id)).toEqual(["dlv_0", "dlv_1", "dlv_2", "dlv_3", "dlv_4"]);
  });

  it("forgets what has not begun when it is closed, and runs what comes after", async () => {
    waiting = claims(4);
    const lane = laneOf({ concurrency: 1 });
    lane.wake();
    await settle();
    lane.close();
    expect([posts.length, released.length]).toEqual([1, 1]);
    lane.resume();
    await end(false);
    expect(posts.map(([claim]) => claim?.id)).toEqual(["dlv_0", "dlv_2"]);
  });
});

describe("a rate limit", () => {
  it("is kept over a pause in which nothing waited", async () => {
    waiting = claims(4);
    const lane = laneOf({ concurrency: 16, rateLimit: { max: 5, per: 2 } });
    lane.wake();
    await settle();
    for (const _ of posts) await end(false);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(500);
    waiting = claims(4);
    lane.wake();
    await settle();
    expect(posts).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(1499);
    expect(posts).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(1);
    expect(posts).toHaveLength(8);
  });

  it("leaves no timer behind when its lane is closed", async () => {
    waiting = claims(20);
    const lane = laneOf({ concurrency: 16, rateLimit: { max: 5, per: 2 } });
    lane.wake();
    await settle();
    expect(vi.getTimerCount()).toBe(1);
    lane.close();
    expect([vi.getTimerCount(), posts.length, released.length]).toEqual([0, 5, 15]);
  });

  it("lets so many posts begin in any window of its length, and the rest later", async () => {
    waiting = claims(20);
    const lane = laneOf({ concurrency: 16, rateLimit: { max: 5, per: 2 } });
    lane.wake();
    await settle();
    const begun = [posts.length];
    for (let step = 0; step < 4; step += 1) {
      for (const _ of posts) await end(false);
      await vi.advanceTimersByTimeAsync(1990);
      begun.push(posts.length);
      await vi.advanceTimersByTimeAsync(10);
      begun.push(posts.length);
    }
    expect(begun).toEqual([5, 5, 10, 10, 15, 15, 20, 20, 20]);
  });
});

describe("the circuit of a lane", () => {
  it("opens after five failures, hands back what has not begun and claims no more", async () => {
    waiting = claims(1000);
    const lane = laneOf({ concurrency: 8 });
    lane.wake();
    await settle();
    expect(posts).toHaveLength(8);
    for (let n = 0; n < 5; n += 1) await end(true);
    expect(states).toEqual(["open"]);
    const [begun, claimed] = [posts.length, 1000 - waiting.length];
    expect(released).toHaveLength(claimed - begun);
    lane.wake();
    for (let n = 5; n < begun; n += 1) await end(true);
    lane.wake();
    await settle();
    expect([posts.length, 1000 - waiting.length]).toEqual([begun, claimed]);
    expect(lane.idle).toBe(true);
    expect([lane.ready, lane.reserve()]).toEqual([false, false]);
  });

  it("promises no place while it is open, though nothing waits", async () => {
    waiting = claims(5);
    const lane = laneOf({ concurrency: 5 });
    lane.wake();
    await settle();
    expect(lane.reserve()).toBe(true);
    lane.forgo();
    while (!lane.idle) await end(true);
    expect([lane.circuit.state, lane.reserve()]).toEqual(["open", false]);
  });

  it("does not probe while an attempt from before is still running", async () => {
    waiting = claims(100);
    const lane = laneOf({ concurrency: 6 });
    lane.wake();
    await settle();
    for (let n = 0; n < 5; n += 1) await end(true);
    const begun = posts.length;
    now = 10_000;
    lane.wake();
    await settle();
    expect([posts.length, states]).toEqual([begun, ["open"]]);
    while (lane.inFlight > 0 && states.length === 1) await end(true);
    expect(states).toEqual(["open", "half_open"]);
    expect(lane.inFlight).toBe(1);
  });

  it("probes with one delivery, and goes on with all of its concurrency when that was delivered", async () => {
    waiting = claims(200);
    const lane = laneOf({ concurrency: 5 });
    lane.wake();
    await settle();
    while (!lane.idle) await end(true);
    const begun = posts.length;
    now = 1000;
    lane.wake();
    await settle();
    lane.wake();
    expect([posts.length - begun, lane.circuit.state, lane.reserve()]).toEqual([1, "half_open", false]);
    await end(false);
    expect([lane.circuit.state, lane.inFlight]).toEqual(["closed", 5]);
  });

  it("probes at once when somebody switches the endpoint on", async () => {
    waiting = claims(200);
    const lane = laneOf({ concurrency: 5 });
    lane.wake();
    await settle();
    while (!lane.idle) await end(true);
    lane.close();
    const begun = posts.length;
    lane.resume();
    await settle();
    expect([posts.length - begun, lane.circuit.state]).toEqual([1, "half_open"]);
  });

  it("probes with one whole batch, and hands back what else it claimed for that", async () => {
    waiting = claims(500);
    const batch = { maxEvents: 10, maxWaitSeconds: 1 };
    const lane = laneOf({ concurrency: 5, batch });
    lane.wake();
    await settle();
    while (!lane.idle) await end(true);
    const begun = posts.length;
    const handedBack = released.length;
    now = 1000;
    lane.wake();
    await settle();
    expect(posts.slice(begun).map((post) => post.length)).toEqual([10]);
    await end(true);
    expect([posts.length - begun, released.length - handedBack, lane.circuit.state]).toEqual([1, 10, "open"]);
    expect(lane.idle).toBe(true);
  });
});
