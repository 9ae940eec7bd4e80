/** The outbox suite's cases on searching, counting, replaying, burying and forgetting. */
import assert from "node:assert/strict";
import type { DeliveryQuery } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import type { Outbox } from "../outbox/outbox.ts";
import {
  claimsOf,
  attemptOf,
  claimOnly,
  deliveryId,
  putDead,
  putDelivered,
  submissionOf,
} from "./outbox-subject.ts";
import type { OutboxCase, OutboxSubject } from "./outbox-subject.ts";

/** Four deliveries of different endpoint, type, state and time. */
async function putFour(subject: OutboxSubject, outbox: Outbox): Promise<number> {
  const start = subject.now() - 10_000;
  const submission = (index: number, endpointId: string, type: string) =>
    submissionOf(subject, `evt_${index}`, [endpointId], { type, createdAt: start + index * 1000 });
  await putDelivered(outbox, [submission(1, "ops", "cache.updated")]);
  await putDead(outbox, [submission(2, "audit", "cache.updated")]);
  await outbox.put([submission(3, "audit", "config.updated")]);
  await claimOnly(outbox, "audit");
  await outbox.put([submission(4, "ops", "config.updated")]);
  return start;
}

/** Dead deliveries `evt_1` to `evt_<count>`, accepted one second apart. */
async function putManyDead(subject: OutboxSubject, outbox: Outbox, count: number): Promise<number> {
  const start = subject.now() - 100_000;
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  await putDead(
    outbox,
    numbers.map((number) =>
      submissionOf(subject, `evt_${number}`, ["ops"], { createdAt: start + number * 1000 }),
    ),
  );
  return start;
}

async function eventsFound(outbox: Outbox, query: DeliveryQuery): Promise<string[]> {
  return (await outbox.find(query)).deliveries.map(({ eventId }) => eventId);
}

export const recordsCases: readonly OutboxCase[] = [
  {
    name: "deliveries are found by event id, endpoint, type and state, newest first",
    async run(subject) {
      const outbox = await subject.open();
      await putFour(subject, outbox);
      assert.deepEqual(await eventsFound(outbox, {}), ["evt_4", "evt_3", "evt_2", "evt_1"]);
      assert.deepEqual(await eventsFound(outbox, { eventId: "evt_2" }), ["evt_2"]);
      assert.deepEqual(await eventsFound(outbox, { eventId: "unknown" }), []);
      assert.deepEqual(await eventsFound(outbox, { endpointId: "audit" }), ["evt_3", "evt_2"]);
      assert.deepEqual(await eventsFound(outbox, { eventType: "config.updated" }), ["evt_4", "evt_3"]);
      assert.deepEqual(await eventsFound(outbox, { eventType: "unknown" }), []);
      assert.deepEqual(await eventsFound(outbox, { state: "delivered" }), ["evt_1"]);
      assert.deepEqual(await eventsFound(outbox, { state: "dead" }), ["evt_2"]);
      assert.deepEqual(await eventsFound(outbox, { state: "delivering" }), ["evt_3"]);
      assert.deepEqual(await eventsFound(outbox, { state: "pending" }), ["evt_4"]);
    },
  },
  {
    name: "several event types and patterns are found and replayed, each where one of them matches",
    async run(subject) {
      const outbox = await subject.open();
      await putFour(subject, outbox);
      const types = async (eventType: DeliveryQuery["eventType"] & {}, more: DeliveryQuery = {}) =>
        eventsFound(outbox, { ...more, eventType });
      assert.deepEqual(await types("cache.*"), ["evt_2", "evt_1"]);
      assert.deepEqual(await types("*"), ["evt_4", "evt_3", "evt_2", "evt_1"]);
      assert.deepEqual(await types("cach.*"), []);
      assert.deepEqual(await types(["config.updated", "unknown"]), ["evt_4", "evt_3"]);
      assert.deepEqual(await types(["config.updated", "cache.*"], { endpointId: "ops" }), ["evt_4", "evt_1"]);
      assert.deepEqual(await types(["config.*"], { eventId: "evt_1" }), []);
      assert.deepEqual(await types(["cache.*"], { state: "dead" }), ["evt_2"]);
      assert.deepEqual(await outbox.replay({ eventType: "config.*", dryRun: true }), []);
      const replayed = await outbox.replay({ eventType: ["cache.*", "config.*"] });
      assert.deepEqual(replayed, [deliveryId("evt_2", "audit")]);
    },
  },
  {
    name: "a time window includes its beginning and excludes its end",
    async run(subject) {
      const outbox = await subject.open();
      const start = await putFour(subject, outbox);
      assert.deepEqual(await eventsFound(outbox, { since: start + 3000 }), ["evt_4", "evt_3"]);
      assert.deepEqual(await eventsFound(outbox, { until: start + 3000 }), ["evt_2", "evt_1"]);
      assert.deepEqual(await eventsFound(outbox, { since: start + 2000, until: start + 4000 }), [
        "evt_3",
        "evt_2",
      ]);
    },
  },
  {
    name: "every field given must match",
    async run(subject) {
      const outbox = await subject.open();
      const start = await putFour(subject, outbox);
      const all = {
        endpointId: "audit",
        eventType: "config.updated",
        state: "delivering",
        since: start,
      } as const;
      assert.deepEqual(await eventsFound(outbox, all), ["evt_3"]);
      assert.deepEqual(await eventsFound(outbox, { ...all, eventType: "cache.updated" }), []);
      assert.deepEqual(await eventsFound(outbox, { eventId: "evt_1", endpointId: "audit" }), []);
      assert.deepEqual(await eventsFound(outbox, { eventId: "evt_1", since: start + 2000 }), []);
      assert.deepEqual(await eventsFound(outbox, { eventId: "evt_3", until: start + 3000 }), []);
    },
  },
  {
    name: "pages cover everything once, also where times are equal",
    async run(subject) {
      const outbox = await subject.open();
      const createdAt = subject.now();
      const numbers = Array.from({ length: 25 }, (_, index) => index);
      await outbox.put(
        numbers.map((number) => submissionOf(subject, `evt_${number}`, ["ops", "audit"], { createdAt })),
      );
      const pages: string[][] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await outbox.find({
          endpointId: "ops",
          limit: 10,
          ...(cursor === undefined ? {} : { cursor }),
        });
        pages.push(page.deliveries.map(({ eventId }) => eventId));
        assert.ok(page.deliveries.every(({ endpointId }) => endpointId === "ops"));
        if (page.cursor === undefined) break;
        assert.ok(pages.length < 10, "the pages end");
        cursor = page.cursor;
      }
      assert.deepEqual(
        pages.map((page) => page.length),
        [10, 10, 5],
      );
      assert.equal(new Set(pages.flat()).size, 25);
    },
  },
  {
    name: "pages are oldest first where that is asked for, and cover everything once",
    async run(subject) {
      const outbox = await subject.open();
      const start = await putFour(subject, outbox);
      const oldest = { order: "oldest" } as const;
      assert.deepEqual(await eventsFound(outbox, oldest), ["evt_1", "evt_2", "evt_3", "evt_4"]);
      assert.deepEqual(await eventsFound(outbox, { ...oldest, endpointId: "audit" }), ["evt_2", "evt_3"]);
      assert.deepEqual(await eventsFound(outbox, { ...oldest, eventId: "evt_2" }), ["evt_2"]);
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const query = { ...oldest, since: start + 2000, until: start + 4000, limit: 1 };
        const page = await outbox.find(cursor === undefined ? query : { ...query, cursor });
        found.push(...page.deliveries.map(({ eventId }) => eventId));
        assert.ok(found.length < 5, "the pages end");
        cursor = page.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(found, ["evt_2", "evt_3"]);
    },
  },
  {
    name: "a cursor that no page could have had is refused",
    async run(subject) {
      const outbox = await subject.open();
      await putFour(subject, outbox);
      for (const cursor of ["zzz", "1", "a.b"]) {
        await assert.rejects(outbox.find({ cursor }), { code: "CONFIG_INVALID" });
        await assert.rejects(outbox.find({ cursor, eventId: "evt_1" }), { code: "CONFIG_INVALID" });
      }
    },
  },
  {
    name: "without a limit a page holds one hundred",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put(Array.from({ length: 101 }, (_, index) => submissionOf(subject, `evt_${index}`)));
      const first = await outbox.find({});
      assert.equal(first.deliveries.length, 100);
      const rest = await outbox.find({ cursor: first.cursor ?? "" });
      assert.deepEqual([rest.deliveries.length, rest.cursor], [1, undefined]);
    },
  },
  {
    name: "found deliveries come with their attempts",
    async run(subject) {
      const outbox = await subject.open();
      await putFour(subject, outbox);
      const [dead] = (await outbox.find({ state: "dead" })).deliveries;
      assert.deepEqual(dead, await outbox.get(deliveryId("evt_2", "audit")));
      assert.equal(dead?.attempts.length, 1);
    },
  },
  {
    name: "what is not known is undefined",
    async run(subject) {
      const outbox = await subject.open();
      assert.equal(await outbox.get("unknown"), undefined);
      assert.equal(await outbox.event("unknown"), undefined);
    },
  },
  {
    name: "counts tell each state of an endpoint and the oldest due time",
    async run(subject) {
      const outbox = await subject.open();
      const now = subject.now();
      await putDelivered(outbox, [submissionOf(subject, "evt_1")]);
      await putDead(outbox, [submissionOf(subject, "evt_2")]);
      await outbox.put([submissionOf(subject, "evt_3")]);
      await claimOnly(outbox);
      await outbox.put([
        submissionOf(subject, "evt_4", ["ops"], { dueAt: now - 2000 }),
        submissionOf(subject, "evt_5", ["ops"], { dueAt: now - 1000 }),
        submissionOf(subject, "evt_6", ["later"], { dueAt: now + 60_000 }),
      ]);
      const counts = new Map((await outbox.counts()).map((one) => [one.endpointId, one]));
      assert.deepEqual(counts.get("ops"), {
        endpointId: "ops",
        pending: 2,
        delivering: 1,
        dead: 1,
        oldestDueAt: now - 2000,
      });
      assert.deepEqual(counts.get("later"), { endpointId: "later", pending: 1, delivering: 0, dead: 0 });
    },
  },
  {
    name: "counts follow a delivery through retry, release, replay, burial and pruning",
    async run(subject) {
      const outbox = await subject.open();
      const tell = async () => {
        const ops = (await outbox.counts()).find((one) => one.endpointId === "ops");
        return [ops?.pending, ops?.delivering, ops?.dead];
      };
      const dueAt = subject.now();
      const stored = await outbox.put([
        submissionOf(subject, "evt_1", ["ops"], { claim: true }),
        submissionOf(subject, "evt_2"),
      ]);
      const [first, second] = [
        ...stored.flatMap((one) => one.claims),
        ...(await claimsOf(outbox, "ops", 10)),
      ];
      assert.ok(first && second);
      assert.deepEqual(await tell(), [0, 2, 0]);
      assert.equal(await outbox.bury("ops", "endpoint removed"), 0, "what is being attempted is not buried");
      await outbox.settle(first, { kind: "retry", dueAt, reason: "timeout" });
      await outbox.settle(second, { kind: "release", dueAt });
      assert.deepEqual(await tell(), [2, 0, 0]);
      await outbox.bury("ops", "endpoint removed");
      assert.deepEqual(await tell(), [0, 0, 2]);
      await outbox.replay({ limit: 1 });
      assert.deepEqual(await tell(), [1, 0, 1]);
      await outbox.prune({ keep: 0 });
      assert.deepEqual(await tell(), [1, 0, 0]);
    },
  },
  {
    name: "burying makes what waits dead for the reason given, and only that",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_0", ["ops"])]);
      const held = await claimOnly(outbox);
      await outbox.put([
        submissionOf(subject, "evt_1", ["ops", "audit"]),
        submissionOf(subject, "evt_2", ["ops"], { dueAt: subject.now() + 60_000 }),
      ]);
      assert.equal(await outbox.bury("ops", "endpoint removed"), 2);
      const dead = (await outbox.find({ state: "dead" })).deliveries;
      assert.deepEqual(dead.map(({ eventId }) => eventId).toSorted(), ["evt_1", "evt_2"]);
      assert.ok(dead.every(({ reason }) => reason === "endpoint removed"));
      assert.equal((await outbox.get(deliveryId("evt_1", "audit")))?.state, "pending");
      assert.equal(await outbox.settle(held, { kind: "delivered" }), "settled");
      assert.equal(await outbox.bury("ops", "endpoint removed"), 0);
      assert.equal(await outbox.bury("unknown", "endpoint removed"), 0);
    },
  },
  {
    name: "a replayed delivery is due at once, counts its attempts from 1 and keeps the old ones",
    async run(subject) {
      const outbox = await subject.open();
      await putManyDead(subject, outbox, 2);
      assert.deepEqual(await outbox.replay({ deliveryIds: [deliveryId("evt_1")] }), [deliveryId("evt_1")]);
      const waiting = await outbox.get(deliveryId("evt_1"));
      assert.deepEqual([waiting?.state, waiting?.replays], ["pending", 1]);
      const claim = await claimOnly(outbox);
      assert.deepEqual([claim.event.id, claim.attempt, claim.replay], ["evt_1", 1, 1]);
      await outbox.settle(
        claim,
        { kind: "retry", dueAt: subject.now(), reason: "timeout" },
        attemptOf(claim),
      );
      const second = await claimOnly(outbox);
      assert.deepEqual([second.attempt, second.replay], [2, 1]);
      await outbox.settle(second, { kind: "delivered" }, attemptOf(second, { outcome: "success" }));
      const attempts = (await outbox.get(claim.id))?.attempts ?? [];
      assert.deepEqual(
        attempts.map(({ number, replay }) => [number, replay]),
        [
          [1, 0],
          [1, 1],
          [2, 1],
        ],
      );
      assert.equal((await outbox.get(deliveryId("evt_2")))?.state, "dead");
    },
  },
  {
    name: "replaying by query takes dead ones, oldest first, up to the limit",
    async run(subject) {
      const outbox = await subject.open();
      const start = await putManyDead(subject, outbox, 5);
      await putDead(outbox, [submissionOf(subject, "evt_other", ["audit"])]);
      await putDelivered(outbox, [submissionOf(subject, "evt_delivered", ["ops"])]);
      const since = start + 2000;
      assert.deepEqual(await outbox.replay({ endpointId: "ops", since, limit: 2 }), [
        deliveryId("evt_2"),
        deliveryId("evt_3"),
      ]);
      assert.deepEqual(await outbox.replay({ endpointId: "ops", since, until: start + 5000 }), [
        deliveryId("evt_4"),
      ]);
      assert.deepEqual(await outbox.replay({ endpointId: "ops", since }), [deliveryId("evt_5")]);
      assert.deepEqual(await outbox.replay({ endpointId: "ops", since }), []);
      assert.deepEqual(await eventsFound(outbox, { state: "dead" }), ["evt_other", "evt_1"]);
      assert.equal((await claimsOf(outbox, "ops", 10)).length, 4);
    },
  },
  {
    name: "a dry run tells what would be replayed and changes nothing",
    async run(subject) {
      const outbox = await subject.open();
      await putManyDead(subject, outbox, 2);
      assert.deepEqual(await outbox.replay({ dryRun: true }), [deliveryId("evt_1"), deliveryId("evt_2")]);
      assert.equal((await outbox.find({ state: "dead" })).deliveries.length, 2);
      assert.deepEqual(await outbox.due(), { endpointIds: [] });
      assert.equal((await outbox.get(deliveryId("evt_1")))?.replays, 0);
    },
  },
  {
    name: "a delivered delivery can be sent again by its id or by its state",
    async run(subject) {
      const outbox = await subject.open();
      await putDelivered(outbox, [submissionOf(subject, "evt_1"), submissionOf(subject, "evt_2")]);
      assert.deepEqual(await outbox.replay({}), []);
      assert.deepEqual(await outbox.replay({ deliveryIds: [deliveryId("evt_2")] }), [deliveryId("evt_2")]);
      assert.deepEqual(await outbox.replay({ state: "delivered" }), [deliveryId("evt_1")]);
      const claims = await claimsOf(outbox, "ops", 10);
      assert.deepEqual(claims.map(({ event, replay }) => `${event.id} replay ${replay}`).toSorted(), [
        "evt_1 replay 1",
        "evt_2 replay 1",
      ]);
    },
  },
  {
    name: "replay leaves alone what is not finished, and ids it does not know",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1")]);
      const claim = await claimOnly(outbox);
      await outbox.put([submissionOf(subject, "evt_2")]);
      const deliveryIds = [deliveryId("evt_1"), deliveryId("evt_2"), "unknown"];
      assert.deepEqual(await outbox.replay({ deliveryIds }), []);
      assert.deepEqual(await outbox.replay({ deliveryIds: [] }), []);
      assert.equal(await outbox.settle(claim, { kind: "delivered" }), "settled");
    },
  },
  {
    name: "pruning by time forgets finished events only",
    async run(subject) {
      const outbox = await subject.open();
      const start = await putManyDead(subject, outbox, 3);
      const old = { createdAt: start };
      await putDelivered(outbox, [submissionOf(subject, "evt_delivered", ["ops"], old)]);
      await outbox.put([
        submissionOf(subject, "evt_nowhere", [], old),
        submissionOf(subject, "evt_waiting", ["ops"], old),
      ]);
      await outbox.put([submissionOf(subject, "evt_half", ["ops", "audit"], old)]);
      const half = await claimOnly(outbox, "audit");
      await outbox.settle(half, { kind: "delivered" }, attemptOf(half));
      assert.equal(await outbox.prune({ before: start + 3000 }), 3);
      assert.deepEqual((await eventsFound(outbox, {})).toSorted(), [
        "evt_3",
        "evt_half",
        "evt_half",
        "evt_waiting",
      ]);
      assert.equal(await outbox.event("evt_delivered"), undefined);
      assert.equal(await outbox.event("evt_nowhere"), undefined);
      assert.equal((await outbox.get(half.id))?.attempts.length, 1);
      assert.equal((await claimsOf(outbox, "ops", 10)).length, 2);
      assert.equal(await outbox.prune({}), 0);
    },
  },
  {
    name: "pruning by number keeps the newest finished ones",
    async run(subject) {
      const outbox = await subject.open();
      await putManyDead(subject, outbox, 5);
      const oldest = subject.now() - 200_000;
      await outbox.put([submissionOf(subject, "evt_waiting", ["audit"], { createdAt: oldest })]);
      assert.equal(await outbox.prune({ keep: 2 }), 3);
      assert.deepEqual(await eventsFound(outbox, {}), ["evt_5", "evt_4", "evt_waiting"]);
      assert.equal(await outbox.prune({ keep: 2 }), 0);
      assert.equal(await outbox.prune({ keep: 0 }), 2);
      assert.deepEqual(await eventsFound(outbox, {}), ["evt_waiting"]);
    },
  },
  {
    name: "an outbox that answers answers a ping",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.ping();
    },
  },
  {
    name: "a closed outbox rejects with CLOSED, and can be closed again",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1")]);
      const claim = await claimOnly(outbox);
      await outbox.close();
      await outbox.close();
      const calls = {
        put: () => outbox.put([submissionOf(subject, "evt_2")]),
        claim: () => claimsOf(outbox, "ops", 1),
        settle: () => outbox.settle(claim, { kind: "delivered" }),
        due: () => outbox.due(),
        find: () => outbox.find({}),
        get: () => outbox.get("evt_1"),
        event: () => outbox.event("evt_1"),
        replay: () => outbox.replay({}),
        bury: () => outbox.bury("ops", "endpoint removed"),
        counts: () => outbox.counts(),
        prune: () => outbox.prune({}),
        ping: () => outbox.ping(),
      };
      for (const [name, call] of Object.entries(calls)) {
        await assert.rejects(call, (error: unknown) => WebhookError.is(error, "CLOSED"), name);
      }
    },
  },
];
