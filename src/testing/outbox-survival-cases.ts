/** The outbox suite's cases on processes that share a store, die with claims in their hands, and come back. */
import assert from "node:assert/strict";
import type { Claim, Outbox } from "../outbox/outbox.ts";
import {
  claimsOf,
  attemptOf,
  claimOnly,
  deliveryId,
  idsOf,
  putAndClaim,
  putDead,
  submissionOf,
} from "./outbox-subject.ts";
import type { OutboxCase, OutboxSubject } from "./outbox-subject.ts";

/** Claims as soon as there is something, within the time a dead process may keep its claims. */
async function takeOver(subject: OutboxSubject, outbox: Outbox): Promise<readonly Claim[]> {
  const steps = 10;
  for (let step = 0; step <= steps; step += 1) {
    const claims = await claimsOf(outbox, "ops", 100);
    if (claims.length > 0) return claims;
    if (step < steps) await subject.advance(outbox.leaseMs / steps);
  }
  return [];
}

export const survivalCases: readonly OutboxCase[] = [
  {
    name: "what one process stored another delivers",
    needs: "shared",
    async run(subject) {
      const [one, other] = [await subject.open(), await subject.open()];
      const body = Buffer.from([0xff, 0x00, 0x80]);
      await one.put([submissionOf(subject, "evt_1", ["ops"], { body })]);
      assert.deepEqual((await other.due()).endpointIds, ["ops"]);
      const claim = await claimOnly(other);
      assert.ok(claim.event.body.equals(body));
      assert.equal(await other.settle(claim, { kind: "delivered" }, attemptOf(claim)), "settled");
      assert.equal((await one.get(claim.id))?.state, "delivered");
      assert.equal((await one.put([submissionOf(subject, "evt_1")]))[0]?.accepted, false);
    },
  },
  {
    name: "an event put by two processes at the same time is stored once",
    needs: "shared",
    async run(subject) {
      const outboxes = [await subject.open(), await subject.open(), await subject.open()];
      const puts = outboxes.map((outbox) => outbox.put([submissionOf(subject, "evt_1")]));
      const accepted = (await Promise.all(puts)).flat().filter((stored) => stored.accepted);
      assert.equal(accepted.length, 1);
      assert.equal((await outboxes[0]?.find({}))?.deliveries.length, 1);
    },
  },
  {
    name: "two processes never hold the same delivery",
    needs: "shared",
    async run(subject) {
      const outboxes = [await subject.open(), await subject.open()];
      await outboxes[0]?.put(Array.from({ length: 60 }, (_, index) => submissionOf(subject, `evt_${index}`)));
      const held: Claim[] = [];
      for (let round = 0; round < 10 && held.length < 60; round += 1) {
        held.push(...(await Promise.all(outboxes.map((outbox) => claimsOf(outbox, "ops", 5)))).flat());
      }
      assert.equal(held.length, 60);
      assert.equal(new Set(idsOf(held)).size, 60);
    },
  },
  {
    name: "a process that lives keeps its claims longer than a lease",
    needs: "shared",
    async run(subject) {
      const [holder, other] = [await subject.open(), await subject.open()];
      const claim = await putAndClaim(subject, holder, "evt_1");
      for (let step = 0; step < 12; step += 1) {
        await subject.advance(holder.leaseMs / 5);
        assert.deepEqual(await claimsOf(other, "ops", 1), []);
      }
      assert.equal(await holder.settle(claim, { kind: "delivered" }), "settled");
    },
  },
  {
    name: "a process that rested keeps what it claims then",
    needs: "shared",
    async run(subject) {
      const [holder, other] = [await subject.open(), await subject.open()];
      const first = await putAndClaim(subject, holder, "evt_1");
      await holder.settle(first, { kind: "delivered" });
      await subject.advance(holder.leaseMs * 2);
      const second = await putAndClaim(subject, holder, "evt_2");
      await subject.advance(holder.leaseMs / 10);
      assert.deepEqual(await claimsOf(other, "ops", 1), []);
      assert.equal(await holder.settle(second, { kind: "delivered" }), "settled");
    },
  },
  {
    name: "what a dead process held is due again within the lease, with its attempts",
    needs: "shared",
    async run(subject) {
      const [holder, other] = [await subject.open(), await subject.open()];
      const first = await putAndClaim(subject, holder, "evt_1");
      await holder.settle(
        first,
        { kind: "retry", dueAt: subject.now(), reason: "timeout" },
        attemptOf(first),
      );
      await claimOnly(holder);
      const [stored] = await holder.put([submissionOf(subject, "evt_2", ["ops"], { claim: true })]);
      if (stored?.claims.length === 0) await claimOnly(holder);
      await subject.crash(holder);
      const taken: Claim[] = [];
      taken.push(...(await takeOver(subject, other)), ...(await claimsOf(other, "ops", 10)));
      assert.deepEqual(taken.map(({ event, attempt }) => `${event.id} attempt ${attempt}`).toSorted(), [
        "evt_1 attempt 2",
        "evt_2 attempt 1",
      ]);
      const [counts] = await other.counts();
      assert.deepEqual([counts?.pending, counts?.delivering, counts?.dead], [0, 2, 0]);
    },
  },
  {
    name: "a process that lost its lease cannot settle",
    needs: "shared",
    async run(subject) {
      const [holder, other] = [await subject.open(), await subject.open()];
      const stale = await putAndClaim(subject, holder, "evt_1");
      await subject.crash(holder);
      const [claim] = await takeOver(subject, other);
      assert.ok(claim, "another process took over");
      const late = await holder
        .settle(stale, { kind: "dead", reason: "late" }, attemptOf(stale))
        .catch(() => "lost");
      assert.equal(late, "lost");
      assert.equal((await other.get(claim.id))?.attempts.length, 0);
      assert.equal(await other.settle(claim, { kind: "delivered" }), "settled");
      assert.equal(await holder.settle(stale, { kind: "dead", reason: "late" }).catch(() => "lost"), "lost");
      assert.equal((await other.get(claim.id))?.state, "delivered");
    },
  },
  {
    name: "a process that closes hands back what it held",
    needs: "shared",
    async run(subject) {
      const [holder, other] = [await subject.open(), await subject.open()];
      const held = await putAndClaim(subject, holder, "evt_1");
      await holder.close();
      const [claim] = await takeOver(subject, other);
      assert.deepEqual([claim?.id, claim?.attempt], [held.id, 1]);
    },
  },
  {
    name: "what put stored is there after a crash, bytes and all",
    needs: "durable",
    async run(subject) {
      const outbox = await subject.open();
      const later = subject.now() + 3_600_000;
      const { event, deliveries } = submissionOf(subject, "evt_1", ["ops"], {
        body: Buffer.from([0, 255, 128]),
        dueAt: later,
      });
      await outbox.put([{ event, deliveries }]);
      await putDead(outbox, [submissionOf(subject, "evt_2", ["audit"])]);
      const before = (await outbox.find({})).deliveries;
      await subject.crash(outbox);
      const again = await subject.open();
      assert.deepEqual((await again.event("evt_1"))?.event, event);
      assert.deepEqual((await again.find({})).deliveries, before);
      assert.equal((await again.due()).nextAt, later);
      assert.equal((await again.put([submissionOf(subject, "evt_1")]))[0]?.accepted, false);
      assert.deepEqual(await again.replay({}), [deliveryId("evt_2", "audit")]);
    },
  },
  {
    name: "what was being attempted in a crash is attempted again after the restart",
    needs: "durable",
    async run(subject) {
      const outbox = await subject.open();
      const held = await putAndClaim(subject, outbox, "evt_1");
      await subject.crash(outbox);
      const [claim] = await takeOver(subject, await subject.open());
      assert.deepEqual([claim?.id, claim?.attempt], [held.id, 1]);
    },
  },
  {
    name: "an outbox that was closed and opened again holds the same",
    needs: "durable",
    async run(subject) {
      const outbox = await subject.open();
      const claim = await putAndClaim(subject, outbox, "evt_1");
      await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim, { outcome: "success" }));
      await outbox.put([submissionOf(subject, "evt_2")]);
      const before = (await outbox.find({})).deliveries;
      await outbox.close();
      const again = await subject.open();
      assert.deepEqual((await again.find({})).deliveries, before);
      assert.equal((await claimOnly(again)).event.id, "evt_2");
    },
  },
];
