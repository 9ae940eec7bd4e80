/** Records and BullMQ's tickets that fell apart, as a crash between the two leaves them, come together again. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { beforeEach, describe, expect, it } from "vitest";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { RedisOutbox } from "../../src/outbox/redis/redis-outbox.ts";
import { RedisSession } from "../../src/outbox/redis/session.ts";
import {
  attemptOf,
  claimOnly,
  claimsOf,
  deliveryId,
  idsOf,
  submissionOf,
} from "../../src/testing/outbox-subject.ts";
import { type CollectingLogger, collectingLogger } from "../support/collecting-logger.ts";
import { reasonWithoutRedis, redisSubject, type RedisSubject, redisUrl } from "../support/redis-subject.ts";

const without = await reasonWithoutRedis();
let subject: RedisSubject;
let outbox: Outbox;

/** Deletes what BullMQ holds, as if it had never been written. */
async function loseTickets(pattern = "*"): Promise<void> {
  const keys = await subject.client.keys(`${subject.prefix}:queue:${pattern}`);
  expect(keys.length).toBeGreaterThan(0);
  await subject.client.del(keys);
}

async function ticketCount(): Promise<number> {
  const keys = await subject.client.keys(`${subject.prefix}:queue:*`);
  return keys.filter((key) => /:evt_[^:]*$/.test(key)).length;
}

/** Claims until there is something, for as long as a dead holder may keep it. */
async function claimSoon(endpointId = "ops"): Promise<string[]> {
  for (let tries = 0; tries < 40; tries += 1) {
    const claims = await claimsOf(outbox, endpointId, 10);
    if (claims.length > 0) return idsOf(claims);
    await sleep(50);
  }
  return [];
}

describe.skipIf(without)("the Redis outbox", () => {
  beforeEach(async ({ onTestFinished }) => {
    subject = redisSubject(1000);
    onTestFinished(() => subject.end());
    outbox = await subject.open();
  });

  it("delivers what was stored by a put that died before it wrote the tickets", async () => {
    await outbox.put([submissionOf(subject, "evt_1"), submissionOf(subject, "evt_2")]);
    await loseTickets();
    expect((await outbox.due()).endpointIds).toEqual(["ops"]);
    expect(idsOf(await claimsOf(outbox, "ops", 10))).toEqual([deliveryId("evt_1"), deliveryId("evt_2")]);
  });

  it("delivers a retry and a replay whose tickets were lost", async () => {
    await outbox.put([submissionOf(subject, "evt_1"), submissionOf(subject, "evt_2")]);
    const [first, second] = await claimsOf(outbox, "ops", 2);
    if (first === undefined || second === undefined) throw new Error("two claims expected");
    await outbox.settle(first, { kind: "retry", dueAt: Date.now(), reason: "timeout" }, attemptOf(first));
    await outbox.settle(second, { kind: "dead", reason: "http_4xx" }, attemptOf(second));
    await outbox.replay({});
    await loseTickets();
    const claims = await claimsOf(outbox, "ops", 10);
    const found = new Map(claims.map(({ id, attempt, replay }) => [id, [attempt, replay]]));
    expect(found).toEqual(
      new Map([
        [deliveryId("evt_1"), [2, 0]],
        [deliveryId("evt_2"), [1, 1]],
      ]),
    );
  });

  it("ends the ticket of a delivery that was settled by a process that died before it could", async () => {
    await outbox.put([submissionOf(subject, "evt_1")]);
    const claim = await claimOnly(outbox);
    const key = `${subject.prefix}:queue:ops.first`;
    const ticket = await subject.client.hgetall(`${key}:${claim.id}`);
    await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim));
    await subject.client.hset(`${key}:${claim.id}`, ticket);
    await subject.client.rpush(`${key}:wait`, claim.id);
    await outbox.put([submissionOf(subject, "evt_2")]);
    expect((await claimOnly(outbox)).id).toBe(deliveryId("evt_2"));
    expect((await outbox.get(claim.id))?.state).toBe("delivered");
    expect(await ticketCount()).toBe(1);
  });

  it("claims a delivery with two tickets once", async () => {
    await outbox.put([submissionOf(subject, "evt_1")]);
    const first = await claimOnly(outbox);
    await outbox.settle(first, { kind: "retry", dueAt: Date.now(), reason: "timeout" }, attemptOf(first));
    const key = `${subject.prefix}:queue:ops.first`;
    await subject.client.hset(`${key}:${first.id}`, { name: "delivery", data: "{}", opts: "{}" });
    await subject.client.lpush(`${key}:wait`, first.id);
    expect(await claimSoon()).toEqual([first.id]);
    await outbox.put([submissionOf(subject, "evt_2")]);
    expect(await claimSoon()).toEqual([deliveryId("evt_2")]);
  });

  it("hands out again what a process drew and never looked up", async () => {
    await outbox.put([submissionOf(subject, "evt_1")]);
    const key = `${subject.prefix}:queue:ops.first`;
    await subject.client.rpoplpush(`${key}:wait`, `${key}:active`);
    await subject.client.set(`${key}:${deliveryId("evt_1")}:lock`, "dead", "PX", 300);
    expect(await claimsOf(outbox, "ops", 1)).toEqual([]);
    expect(await claimSoon()).toEqual([deliveryId("evt_1")]);
  });

  it("puts back a ticket that was drawn before its time", async () => {
    await outbox.put([submissionOf(subject, "evt_1")]);
    const claim = await claimOnly(outbox);
    const dueAt = Date.now() + 60_000;
    await outbox.settle(claim, { kind: "retry", dueAt, reason: "timeout" }, attemptOf(claim));
    const key = `${subject.prefix}:queue:ops.again`;
    await subject.client.zrem(`${key}:delayed`, claim.id);
    await subject.client.lpush(`${key}:wait`, claim.id);
    await outbox.put([submissionOf(subject, "evt_2")]);
    const second = await claimOnly(outbox);
    await outbox.settle(second, { kind: "retry", dueAt: Date.now(), reason: "timeout" }, attemptOf(second));
    expect(idsOf(await claimsOf(outbox, "ops", 10))).toEqual([second.id]);
    expect(await subject.client.zscore(`${key}:delayed`, claim.id)).not.toBeNull();
    expect(await outbox.due()).toEqual({ endpointIds: [], nextAt: dueAt });
  });

  it("gives back at once what it held when it is closed", async () => {
    await outbox.put([submissionOf(subject, "evt_1")]);
    const held = await claimOnly(outbox);
    await outbox.close();
    outbox = await subject.open();
    const again = await claimOnly(outbox);
    expect([again.id, again.attempt]).toEqual([held.id, 1]);
    expect((await outbox.get(held.id))?.attempts).toEqual([]);
  });

  it("leaves no ticket of what is delivered, dead or buried", async () => {
    await outbox.put(["evt_1", "evt_2", "evt_3", "evt_4"].map((id) => submissionOf(subject, id)));
    const [one, two, three] = await claimsOf(outbox, "ops", 3);
    if (one === undefined || two === undefined || three === undefined) throw new Error("three expected");
    await outbox.settle(one, { kind: "delivered" });
    await outbox.settle(two, { kind: "dead", reason: "http_4xx" });
    await outbox.settle(three, { kind: "retry", dueAt: Date.now() + 60_000, reason: "timeout" });
    expect(await outbox.bury("ops", "endpoint removed")).toBe(2);
    expect(await ticketCount()).toBe(0);
  });

  describe("of whose deliveries records vanished", () => {
    const gone = "Redis lost records of deliveries";
    const vanish = (eventId: string) =>
      subject.client.del(`${subject.prefix}:delivery:${deliveryId(eventId)}`);
    let logger: CollectingLogger;

    beforeEach(async () => {
      logger = collectingLogger();
      // Its timers would find what is gone first, and say so to nobody.
      await subject.crash(outbox);
      outbox = await subject.open({ logger });
      await outbox.put([submissionOf(subject, "evt_1"), submissionOf(subject, "evt_2")]);
    });

    it("goes on with the others where one was claimed, and says so", async () => {
      await claimsOf(outbox, "ops", 1);
      await vanish("evt_1");
      await loseTickets();
      expect(await claimSoon()).toEqual([deliveryId("evt_2")]);
      expect(await outbox.counts()).toMatchObject([{ pending: 0, delivering: 1 }]);
      expect(logger.complaints).toEqual([gone]);
    });

    it("goes on with the others where one waited, which is due no longer, and says so", async () => {
      await vanish("evt_1");
      expect(await claimSoon()).toEqual([deliveryId("evt_2")]);
      await claimsOf(outbox, "ops", 10);
      expect(await outbox.due()).toEqual({ endpointIds: [] });
      expect(await outbox.counts()).toMatchObject([{ pending: 0, delivering: 1 }]);
      expect(logger.complaints).toEqual([gone]);
    });

    it("buries, pulls back and prunes the others", async () => {
      await vanish("evt_1");
      expect(
        await outbox.pullBack?.("ops", { beyond: subject.now() - 60_000, dueAt: subject.now() - 90_000 }),
      ).toBe(1);
      await outbox.put([submissionOf(subject, "evt_3")]);
      await vanish("evt_3");
      expect(await outbox.bury("ops", "test")).toBe(1);
      await vanish("evt_2");
      await subject.client.del(`${subject.prefix}:event:evt_2`);
      await outbox.put([submissionOf(subject, "evt_4")]);
      await outbox.bury("ops", "test");
      await outbox.prune({ keep: 0 });
      expect(await outbox.event("evt_4")).toBeUndefined();
    });
  });

  it("keeps nothing of what was pruned", async () => {
    const { event, deliveries } = submissionOf(subject, "evt_1", ["ops", "audit"]);
    const content = { body: Buffer.from("own"), headers: {} };
    const own = deliveries.map((delivery) => ({ ...delivery, content }));
    await outbox.put([{ event, deliveries: own }, submissionOf(subject, "evt_2", [])]);
    for (const endpointId of ["ops", "audit"]) {
      const claim = await claimOnly(outbox, endpointId);
      await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim));
    }
    expect(await outbox.prune({ keep: 0 })).toBe(2);
    const left = await subject.client.keys(`${subject.prefix}:*`);
    const ours = left.filter((key) => !key.startsWith(`${subject.prefix}:queue:`));
    expect(ours.toSorted()).toEqual([`${subject.prefix}:nowhere`, `${subject.prefix}:schema`]);
  });

  it("copies a client it is given, marks the copy as its own, and leaves the client as it was", async () => {
    const copies: Redis[] = [];
    class Watched extends Redis {
      override duplicate(...input: Parameters<Redis["duplicate"]>): ReturnType<Redis["duplicate"]> {
        const copy = super.duplicate(...input);
        copies.push(copy);
        return copy;
      }
    }
    const client = new Watched(redisUrl);
    const session = new RedisSession({ connection: client, prefix: subject.prefix });
    const other = new RedisOutbox(session, () => () => undefined);
    await other.put([submissionOf(subject, "evt_1")]);
    await other.close();
    const internal = Symbol.for("mova-webhooks.internal");
    expect(copies.map((copy) => Reflect.get(copy, internal))).toEqual([true]);
    expect(Reflect.has(client, internal)).toBe(false);
    expect(await client.ping()).toBe("PONG");
    await client.quit();
    expect((await claimOnly(outbox)).id).toBe(deliveryId("evt_1"));
  });
});
