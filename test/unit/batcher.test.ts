import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Batcher } from "../../src/delivery/lane/batcher.ts";
import { batchIdOf, batchSize } from "../../src/delivery/batch-id.ts";
import { batchMessageOf } from "../../src/delivery/http/batch-message.ts";
import type { Claim } from "../../src/outbox/outbox.ts";

vi.mock("../../src/time/timers.ts", () => import("../support/followed-timers.ts"));

function claim(n: number, more: Partial<Claim> = {}, bytes?: number): Claim {
  const body = bytes === undefined ? Buffer.from(`{"n":${n}}`) : Buffer.alloc(bytes, " ");
  const event = { id: `evt_${n}`, type: "cache.updated", source: "api", createdAt: 0, origin: "test", body };
  return { id: `dlv_${n}`, endpointId: "ops", event, attempt: 1, replay: 0, lease: n, ...more };
}

let posted: string[][];
let batcher: Batcher;

beforeEach(() => {
  vi.useFakeTimers();
  posted = [];
  batcher = new Batcher({ maxEvents: 3, maxWaitMs: 1000 }, 4000, (claims) =>
    posted.push(claims.map(({ id }) => id)),
  );
});

afterEach(() => void vi.useRealTimers());

describe("new deliveries", () => {
  it("go out as soon as there are enough", () => {
    for (let n = 1; n <= 7; n += 1) batcher.add(claim(n));
    expect(posted).toEqual([
      ["dlv_1", "dlv_2", "dlv_3"],
      ["dlv_4", "dlv_5", "dlv_6"],
    ]);
  });

  it("wait for company no longer than they may, from the first of them", () => {
    batcher.add(claim(1));
    vi.advanceTimersByTime(600);
    batcher.add(claim(2));
    vi.advanceTimersByTime(399);
    expect(posted).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(posted).toEqual([["dlv_1", "dlv_2"]]);
    vi.advanceTimersByTime(5000);
    expect(posted).toHaveLength(1);
  });

  it("go out at once when told to, and not again", () => {
    batcher.add(claim(1));
    batcher.flush();
    vi.advanceTimersByTime(5000);
    expect(posted).toEqual([["dlv_1"]]);
  });

  it("come back when the lane closes, and are not posted later", () => {
    batcher.add(claim(1));
    batcher.add(claim(2, { batch: "bat_2_x" }));
    expect(batcher.clear().map(({ id }) => id)).toEqual(["dlv_1", "dlv_2"]);
    vi.advanceTimersByTime(5000);
    expect(posted).toEqual([]);
  });

  it("are not gathered beyond a mebibyte", () => {
    batcher.add(claim(1, {}, 600_000));
    batcher.add(claim(2, {}, 600_000));
    expect(posted).toEqual([["dlv_1"]]);
    batcher.add(claim(3, {}, 100));
    batcher.flush();
    expect(posted).toEqual([["dlv_1"], ["dlv_2", "dlv_3"]]);
  });

  it("at different attempts are not mixed, because a batch ends for all of it alike", () => {
    batcher.add(claim(1));
    batcher.add(claim(2, { attempt: 2 }));
    batcher.add(claim(3, { replay: 1 }));
    batcher.flush();
    expect(posted).toEqual([["dlv_1"], ["dlv_2"], ["dlv_3"]]);
  });
});

describe("deliveries that failed together", () => {
  const first = [claim(1), claim(2)];
  const batch = batchIdOf(first);
  const retries = first.map((each) => ({ ...each, batch, attempt: 2 }));

  it("go out together as soon as all are back, with nobody else", () => {
    batcher.add(claim(7));
    batcher.add(retries[1] as Claim);
    batcher.add(claim(8));
    expect(posted).toEqual([]);
    batcher.add(retries[0] as Claim);
    expect(posted).toEqual([["dlv_2", "dlv_1"]]);
  });

  it("keep their id in whatever order they come, and have the number in it", () => {
    expect(batchIdOf([...retries].reverse())).toBe(batch);
    expect(batchSize(batch)).toBe(2);
    expect(batch).toMatch(/^bat_2_[0-9a-f]{32}$/);
  });

  it("are waited for, also when the new ones are told to go", () => {
    batcher.add(retries[0] as Claim);
    batcher.add(claim(7));
    batcher.flush();
    expect(posted).toEqual([["dlv_7"]]);
    batcher.add(retries[1] as Claim);
    expect(posted[1]).toEqual(["dlv_1", "dlv_2"]);
  });

  it("that do not all come back go out as another batch, under another id", () => {
    batcher.add(retries[0] as Claim);
    vi.advanceTimersByTime(3999);
    expect(posted).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(posted).toEqual([["dlv_1"]]);
    expect(batchIdOf([retries[0] as Claim])).not.toBe(batch);
  });
});

describe("the message of a batch", () => {
  it("is a JSON array of the bodies, byte for byte", () => {
    const message = batchMessageOf([claim(1), claim(2), claim(3)]);
    expect(message.body.toString()).toBe('[{"n":1},{"n":2},{"n":3}]');
    expect(message).toMatchObject({
      type: "batch",
      id: message.deliveryId,
      headers: { "x-mova-batch": "3" },
    });
    expect(batchMessageOf([claim(1)]).body.toString()).toBe('[{"n":1}]');
  });
});
