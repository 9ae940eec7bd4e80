/** The outbox suite's cases on who gets which delivery, when, and what settling makes of it. */
import assert from "node:assert/strict";
import {
  claimsOf,
  attemptOf,
  claimOnly,
  deliveryId,
  idsOf,
  putAndClaim,
  submissionOf,
} from "./outbox-subject.ts";
import type { OutboxCase } from "./outbox-subject.ts";

export const claimingCases: readonly OutboxCase[] = [
  {
    name: "a claim takes no more than its limit, longest due first",
    async run(subject) {
      const outbox = await subject.open();
      const now = subject.now();
      const ages = [30, 50, 10, 40, 20];
      await outbox.put(ages.map((age) => submissionOf(subject, `evt_${age}`, ["ops"], { dueAt: now - age })));
      assert.deepEqual(idsOf(await claimsOf(outbox, "ops", 2)), [deliveryId("evt_50"), deliveryId("evt_40")]);
      assert.deepEqual(
        idsOf(await claimsOf(outbox, "ops", 10)),
        ["evt_30", "evt_20", "evt_10"].map((id) => deliveryId(id)),
      );
      assert.deepEqual(await claimsOf(outbox, "ops", 10), []);
    },
  },
  {
    name: "a claim is of the endpoint asked for only",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1", ["ops", "audit"])]);
      assert.deepEqual(idsOf(await claimsOf(outbox, "audit", 10)), [deliveryId("evt_1", "audit")]);
      assert.deepEqual(await claimsOf(outbox, "unknown", 10), []);
      assert.deepEqual(idsOf(await claimsOf(outbox, "ops", 10)), [deliveryId("evt_1", "ops")]);
    },
  },
  {
    name: "a claim carries all that an attempt needs",
    async run(subject) {
      const outbox = await subject.open();
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      const { event, deliveries } = submissionOf(subject, "evt_1", ["ops"], {
        traceparent,
        tracestate: "a=b",
      });
      await outbox.put([{ event, deliveries }]);
      const claim = await claimOnly(outbox);
      assert.deepEqual(
        [claim.id, claim.endpointId, claim.attempt, claim.replay],
        [deliveryId("evt_1"), "ops", 1, 0],
      );
      assert.equal(claim.previous, undefined);
      for (const field of [
        "id",
        "type",
        "source",
        "createdAt",
        "origin",
        "traceparent",
        "tracestate",
      ] as const) {
        assert.equal(claim.event[field], event[field], field);
      }
      assert.ok(claim.event.body.equals(event.body));
    },
  },
  {
    name: "deliveries of one event share one attempt history no more than they share an endpoint",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1", ["ops", "audit"])]);
      const claim = await claimOnly(outbox);
      await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim, { outcome: "success" }));
      const audit = await outbox.get(deliveryId("evt_1", "audit"));
      assert.deepEqual([audit?.state, audit?.attempts.length], ["pending", 0]);
    },
  },
  {
    name: "what waits beyond any plan, because the clock was set back, is pulled back",
    needs: "pullBack",
    async run(subject) {
      const outbox = await subject.open();
      const now = subject.now();
      const [hour, day] = [3_600_000, 86_400_000];
      for (const [id, wait] of [
        ["evt_soon", 1000],
        ["evt_later", hour],
        ["evt_future", day],
      ] as const) {
        const claim = await putAndClaim(subject, outbox, id);
        await outbox.settle(claim, { kind: "retry", dueAt: now + wait, reason: "timeout" }, attemptOf(claim));
      }
      await outbox.put([
        submissionOf(subject, "evt_new", ["ops"], { createdAt: now + day, dueAt: now + day }),
        submissionOf(subject, "evt_meant", ["ops"], { createdAt: now, dueAt: now + day }),
        submissionOf(subject, "evt_other", ["audit"], { createdAt: now + day, dueAt: now + day }),
      ]);
      assert.equal(await outbox.pullBack?.("unknown", { beyond: now + hour, dueAt: now }), 0);
      assert.equal(
        await outbox.pullBack?.("ops", { beyond: now + hour, upTo: now + hour + 1, dueAt: now }),
        0,
      );
      assert.equal(await outbox.pullBack?.("ops", { beyond: now + hour, dueAt: now }), 2);
      assert.equal(await outbox.pullBack?.("ops", { beyond: now + hour, dueAt: now }), 0);
      const due = ["evt_future", "evt_new"].map((id) => deliveryId(id));
      assert.deepEqual((await outbox.due()).endpointIds, ["ops"]);
      assert.deepEqual(idsOf(await claimsOf(outbox, "ops", 10)).sort(), due);
      assert.equal((await outbox.get(deliveryId("evt_later")))?.dueAt, now + hour);
      assert.equal((await outbox.get(deliveryId("evt_meant")))?.dueAt, now + day);
      assert.equal((await outbox.get(deliveryId("evt_other", "audit")))?.dueAt, now + day);
    },
  },
  {
    name: "the batch of a retry comes back with its claims until it is settled otherwise",
    async run(subject) {
      const outbox = await subject.open();
      const first = await putAndClaim(subject, outbox, "evt_1");
      assert.ok(!("batch" in first), "none before");
      const retry = { kind: "retry", dueAt: subject.now(), reason: "timeout" } as const;
      await outbox.settle(first, { ...retry, batch: "bat_1" }, attemptOf(first));
      const second = await claimOnly(outbox);
      assert.equal(second.batch, "bat_1");
      await outbox.settle(second, { kind: "release", dueAt: subject.now() });
      const third = await claimOnly(outbox);
      assert.equal(third.batch, "bat_1", "a release keeps it");
      await outbox.settle(third, retry, attemptOf(third));
      const fourth = await claimOnly(outbox);
      assert.ok(!("batch" in fourth), "a retry without one ends it");
      await outbox.settle(fourth, { ...retry, batch: "bat_2" }, attemptOf(fourth));
      const fifth = await claimOnly(outbox);
      await outbox.settle(fifth, { kind: "dead", reason: "timeout" }, attemptOf(fifth));
      await outbox.replay({ deliveryIds: [fifth.id] });
      assert.ok(!("batch" in (await claimOnly(outbox))), "and so does the end");
    },
  },
  {
    name: "what is claimed is given to nobody else",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put(Array.from({ length: 40 }, (_, index) => submissionOf(subject, `evt_${index}`)));
      const claims = (await Promise.all(Array.from({ length: 10 }, () => claimsOf(outbox, "ops", 7)))).flat();
      assert.equal(claims.length, 40);
      assert.equal(new Set(idsOf(claims)).size, 40);
    },
  },
  {
    name: "a delivery waits for its time",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1", ["ops"], { dueAt: subject.now() + 400 })]);
      assert.deepEqual(await claimsOf(outbox, "ops", 10), []);
      await subject.advance(450);
      assert.equal((await claimOnly(outbox)).id, deliveryId("evt_1"));
    },
  },
  {
    name: "retries and first attempts that wait together each get half of a claim",
    async run(subject) {
      const outbox = await subject.open();
      const now = subject.now();
      await outbox.put(Array.from({ length: 20 }, (_, index) => submissionOf(subject, `evt_old_${index}`)));
      for (const claim of await claimsOf(outbox, "ops", 20)) {
        await outbox.settle(claim, { kind: "retry", dueAt: now - 1000, reason: "timeout" }, attemptOf(claim));
      }
      await outbox.put(Array.from({ length: 20 }, (_, index) => submissionOf(subject, `evt_new_${index}`)));
      const attempts = (await claimsOf(outbox, "ops", 10)).map((claim) => claim.attempt);
      assert.equal(attempts.length, 10);
      assert.equal(attempts.filter((attempt) => attempt === 1).length, 5);
    },
  },
  {
    name: "claims of one at a time starve neither retries nor first attempts",
    async run(subject) {
      const outbox = await subject.open();
      const now = subject.now();
      await outbox.put(Array.from({ length: 4 }, (_, index) => submissionOf(subject, `evt_old_${index}`)));
      for (const claim of await claimsOf(outbox, "ops", 4)) {
        await outbox.settle(claim, { kind: "retry", dueAt: now - 1000, reason: "timeout" }, attemptOf(claim));
      }
      await outbox.put(Array.from({ length: 4 }, (_, index) => submissionOf(subject, `evt_new_${index}`)));
      const attempts: number[] = [];
      for (let round = 0; round < 4; round += 1) {
        for (const claim of await claimsOf(outbox, "ops", 1)) attempts.push(claim.attempt);
      }
      assert.deepEqual(
        attempts.toSorted((left, right) => left - right),
        [1, 1, 2, 2],
      );
    },
  },
  {
    name: "due names the endpoints with something due, and when the next delivery will be",
    async run(subject) {
      const outbox = await subject.open();
      assert.deepEqual(await outbox.due(), { endpointIds: [] });
      const soon = subject.now() + 500;
      await outbox.put([
        submissionOf(subject, "evt_1", ["ops"]),
        submissionOf(subject, "evt_2", ["audit"], { dueAt: soon + 60_000 }),
        submissionOf(subject, "evt_3", ["audit"], { dueAt: soon }),
      ]);
      assert.deepEqual(await outbox.due(), { endpointIds: ["ops"], nextAt: soon });
      const claim = await claimOnly(outbox);
      assert.deepEqual(await outbox.due(), { endpointIds: [], nextAt: soon });
      await subject.advance(550);
      assert.deepEqual((await outbox.due()).endpointIds, ["audit"]);
      await outbox.settle(claim, { kind: "delivered" });
      assert.deepEqual((await outbox.due()).endpointIds, ["audit"]);
    },
  },
  {
    name: "a delivery that waits behind one that is due still counts for the next due time",
    async run(subject) {
      const outbox = await subject.open();
      const later = subject.now() + 5_000;
      await outbox.put([
        submissionOf(subject, "evt_1"),
        submissionOf(subject, "evt_2", ["ops"], { dueAt: later }),
      ]);
      await claimOnly(outbox);
      assert.deepEqual(await outbox.due(), { endpointIds: [], nextAt: later });
    },
  },
  {
    name: "a delivered delivery is finished, with its attempt on record",
    async run(subject) {
      const outbox = await subject.open();
      const claim = await putAndClaim(subject, outbox, "evt_1");
      const spans = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
      const attempt = attemptOf(claim, { outcome: "success", status: 204, ...spans });
      const before = subject.now();
      assert.equal(await outbox.settle(claim, { kind: "delivered" }, attempt), "settled");
      const delivery = await outbox.get(claim.id);
      assert.equal(delivery?.state, "delivered");
      assert.deepEqual(delivery.attempts, [attempt]);
      assert.ok(delivery.dueAt >= before && delivery.dueAt <= subject.now(), "dueAt says when it finished");
      assert.equal(delivery.reason, undefined);
      assert.deepEqual(await outbox.due(), { endpointIds: [] });
    },
  },
  {
    name: "a retry is due at its time, with the next attempt number, the reason and the span before",
    async run(subject) {
      const outbox = await subject.open();
      const claim = await putAndClaim(subject, outbox, "evt_1");
      const dueAt = subject.now() + 300;
      const spans = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
      await outbox.settle(
        claim,
        { kind: "retry", dueAt, reason: "timeout" },
        attemptOf(claim, { outcome: "timeout", ...spans }),
      );
      const waiting = await outbox.get(claim.id);
      assert.deepEqual([waiting?.state, waiting?.dueAt, waiting?.reason], ["pending", dueAt, "timeout"]);
      assert.deepEqual(await claimsOf(outbox, "ops", 1), []);
      await subject.advance(350);
      const next = await claimOnly(outbox);
      assert.deepEqual([next.attempt, next.replay], [2, 0]);
      assert.deepEqual(next.previous, spans);
    },
  },
  {
    name: "a dead delivery is kept with its reason and is not tried again",
    async run(subject) {
      const outbox = await subject.open();
      const claim = await putAndClaim(subject, outbox, "evt_1");
      await outbox.settle(
        claim,
        { kind: "dead", reason: "http_410" },
        attemptOf(claim, { outcome: "http_410", status: 410 }),
      );
      const delivery = await outbox.get(claim.id);
      assert.deepEqual(
        [delivery?.state, delivery?.reason, delivery?.attempts.length],
        ["dead", "http_410", 1],
      );
      assert.deepEqual(await claimsOf(outbox, "ops", 1), []);
      assert.deepEqual(await outbox.due(), { endpointIds: [] });
    },
  },
  {
    name: "a released delivery counts as not attempted",
    async run(subject) {
      const outbox = await subject.open();
      const claim = await putAndClaim(subject, outbox, "evt_1");
      const dueAt = subject.now();
      assert.equal(await outbox.settle(claim, { kind: "release", dueAt, reason: "circuit open" }), "settled");
      const delivery = await outbox.get(claim.id);
      assert.deepEqual(
        [delivery?.state, delivery?.reason, delivery?.attempts.length],
        ["pending", "circuit open", 0],
      );
      assert.equal((await claimOnly(outbox)).attempt, 1);
    },
  },
  {
    name: "a claim can be settled once",
    async run(subject) {
      const outbox = await subject.open();
      const claim = await putAndClaim(subject, outbox, "evt_1");
      await outbox.settle(
        claim,
        { kind: "retry", dueAt: subject.now(), reason: "timeout" },
        attemptOf(claim),
      );
      assert.equal(await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim)), "lost");
      const second = await claimOnly(outbox);
      assert.equal(await outbox.settle(claim, { kind: "dead", reason: "late" }, attemptOf(claim)), "lost");
      assert.equal((await outbox.get(claim.id))?.attempts.length, 1);
      assert.equal(await outbox.settle(second, { kind: "delivered" }), "settled");
    },
  },
  {
    name: "attempts are recorded in order, with all that is known of them",
    async run(subject) {
      const outbox = await subject.open();
      const attempts = [
        { outcome: "dns" },
        { outcome: "http_5xx", status: 503, response: "busy \u{1f41d}" },
        {
          outcome: "success",
          status: 200,
          traceId: "0af7651916cd43dd8448eb211c80319c",
          spanId: "b7ad6b7169203331",
        },
      ] as const;
      await outbox.put([submissionOf(subject, "evt_1")]);
      for (const [index, more] of attempts.entries()) {
        const claim = await claimOnly(outbox);
        const isLast = index === attempts.length - 1;
        const attempt = attemptOf(claim, {
          ...more,
          startedAt: 1_700_000_000_000 + index,
          durationMs: 1.5 * index,
        });
        const retry = { kind: "retry", dueAt: subject.now(), reason: more.outcome } as const;
        await outbox.settle(claim, isLast ? { kind: "delivered" } : retry, attempt);
      }
      assert.deepEqual(
        (await outbox.get(deliveryId("evt_1")))?.attempts,
        attempts.map((more, index) => ({
          number: index + 1,
          replay: 0,
          startedAt: 1_700_000_000_000 + index,
          durationMs: 1.5 * index,
          ...more,
        })),
      );
    },
  },
];
