/** The outbox suite's cases on limits: rate and concurrency over all processes, and deliveries that go out one after the other. */
import assert from "node:assert/strict";
import type { Outbox } from "../outbox/outbox.ts";
import { attemptOf, claimsOf, deliveryId, idsOf, submissionOf } from "./outbox-subject.ts";
import type { OutboxCase, OutboxSubject } from "./outbox-subject.ts";

const second = { max: 3, perMs: 1000 };

async function putMany(
  subject: OutboxSubject,
  outbox: Outbox,
  count: number,
  more: Parameters<typeof submissionOf>[3] = {},
): Promise<void> {
  const events = Array.from({ length: count }, (_, n) => submissionOf(subject, `evt_${n}`, ["ops"], more));
  await outbox.put(events);
}

/** Ends what is claimed of an endpoint, one after the other, and returns the event ids in the order they came. */
async function deliverAll(outbox: Outbox, order: "block" | "skip"): Promise<string[]> {
  const came: string[] = [];
  for (;;) {
    const claims = await claimsOf(outbox, "ops", 10, { order });
    if (claims.length === 0) return came;
    for (const claim of claims) {
      came.push(claim.event.id);
      await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim, { outcome: "success" }));
    }
  }
}

export const limitsCases: readonly OutboxCase[] = [
  {
    name: "a claim grants no more than the rate allows, and says when it will",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await putMany(subject, outbox, 10);
      const before = subject.now();
      const first = await outbox.claim("ops", 10, { rate: second });
      assert.equal(first.claims.length, 3);
      assert.ok(first.nextAt !== undefined && first.nextAt > before, "more may be granted later");
      assert.ok(first.nextAt <= subject.now() + second.perMs, "within the window");
      assert.deepEqual((await outbox.claim("ops", 10, { rate: second })).claims, []);
      await subject.advance(1050);
      assert.equal((await claimsOf(outbox, "ops", 10, { rate: second })).length, 3);
    },
  },
  {
    name: "limits that keep nothing back name no time",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await putMany(subject, outbox, 3);
      const claimed = await outbox.claim("ops", 10, { rate: second, concurrency: 3 });
      assert.equal(claimed.claims.length, 3);
      assert.equal(claimed.nextAt, undefined);
    },
  },
  {
    name: "a rate counts posts where several deliveries share one",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await putMany(subject, outbox, 20);
      assert.equal((await claimsOf(outbox, "ops", 20, { rate: second, perPost: 5 })).length, 15);
    },
  },
  {
    name: "the rate holds over all processes of the store",
    needs: "clusterLimits",
    async run(subject) {
      const [one, other] = [await subject.open(), await subject.open()];
      if (!one.guarantees.shared) return;
      await putMany(subject, one, 10);
      const granted = await Promise.all(
        [one, other].map((each) => claimsOf(each, "ops", 10, { rate: second })),
      );
      assert.equal(granted.flat().length, 3);
    },
  },
  {
    name: "never are more claims held than the concurrency allows, and a settled one gives its place back",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await putMany(subject, outbox, 5);
      const claimed = await outbox.claim("ops", 5, { concurrency: 2 });
      assert.equal(claimed.claims.length, 2);
      assert.equal(claimed.nextAt, Number.POSITIVE_INFINITY);
      assert.deepEqual(await claimsOf(outbox, "ops", 5, { concurrency: 2 }), []);
      const [claim] = claimed.claims;
      assert.ok(claim !== undefined);
      await outbox.settle(claim, { kind: "delivered" });
      assert.equal((await claimsOf(outbox, "ops", 5, { concurrency: 2 })).length, 1);
    },
  },
  {
    name: "a process that dies gives its places back within the lease",
    needs: "sharedLimits",
    async run(subject) {
      const [one, other] = [await subject.open(), await subject.open()];
      await putMany(subject, one, 5);
      assert.equal((await claimsOf(one, "ops", 5, { concurrency: 2 })).length, 2);
      assert.deepEqual(await claimsOf(other, "ops", 5, { concurrency: 2 }), []);
      await subject.crash(one);
      await subject.advance(2 * other.leaseMs);
      assert.equal((await claimsOf(other, "ops", 5, { concurrency: 2 })).length, 2);
    },
  },
  {
    name: "of two processes with different limits for one endpoint, the stricter hold, and that is said",
    needs: "sharedLimits",
    async run(subject) {
      const [strict, loose] = [await subject.open(), await subject.open()];
      await putMany(subject, strict, 10);
      const first = await strict.claim("ops", 1, { concurrency: 2 });
      assert.equal(first.claims.length, 1);
      assert.notEqual(first.stricter, true);
      const second = await loose.claim("ops", 5, { concurrency: 5 });
      assert.deepEqual([second.claims.length, second.stricter], [1, true]);
    },
  },
  {
    name: "what is claimed as it is stored keeps the limits too",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      const limits = { rate: second, concurrency: 2 };
      const stored = await outbox.put(
        Array.from({ length: 4 }, (_, n) =>
          submissionOf(subject, `evt_${n}`, ["ops"], { claim: true, limits }),
        ),
      );
      const claims = stored.flatMap((each) => each.claims);
      assert.ok(claims.length <= 2, "no more than the concurrency");
      for (const claim of claims) await outbox.settle(claim, { kind: "delivered" });
      const more = await claimsOf(outbox, "ops", 10, { ...limits, concurrency: 10 });
      assert.equal(claims.length + more.length, 3, "and the rate counts them all");
    },
  },
  {
    name: "deliveries of one key go out one after the other, in the order they were stored; others do not wait",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([
        submissionOf(subject, "evt_a1", ["ops"], { orderKey: "a" }),
        submissionOf(subject, "evt_a2", ["ops"], { orderKey: "a", dueAt: subject.now() - 1000 }),
        submissionOf(subject, "evt_b1", ["ops"], { orderKey: "b" }),
        submissionOf(subject, "evt_none", ["ops"]),
      ]);
      const claims = await claimsOf(outbox, "ops", 10, { order: "block" });
      assert.deepEqual(
        idsOf(claims).sort(),
        ["evt_a1", "evt_b1", "evt_none"].map((id) => deliveryId(id)),
      );
      const second = await outbox.get(deliveryId("evt_a2"));
      assert.deepEqual([second?.orderKey, second?.behind], ["a", deliveryId("evt_a1")]);
      const head = claims.find((claim) => claim.event.id === "evt_a1");
      assert.ok(head !== undefined);
      await outbox.settle(
        head,
        { kind: "retry", dueAt: subject.now() + 200, reason: "timeout" },
        attemptOf(head),
      );
      assert.deepEqual(await claimsOf(outbox, "ops", 10, { order: "block" }), [], "a retry keeps its place");
      await subject.advance(250);
      assert.deepEqual(await deliverAll(outbox, "block"), ["evt_a1", "evt_a2"]);
    },
  },
  {
    name: "one that died keeps back the others of its key until it is replayed, cancelled, or the endpoint skips",
    needs: "clusterLimits",
    async run(subject) {
      for (const [prefix, letGo] of [
        ["r", async (outbox: Outbox, id: string) => void (await outbox.replay({ deliveryIds: [id] }))],
        ["c", async (outbox: Outbox, id: string) => void (await outbox.cancel(id, "suite"))],
        ["s", async () => undefined],
      ] as const) {
        const outbox = await subject.open();
        await outbox.put(
          [1, 2].map((n) => submissionOf(subject, `evt_${prefix}${n}`, ["ops"], { orderKey: prefix })),
        );
        const [claim] = await claimsOf(outbox, "ops", 10, { order: "block" });
        assert.ok(claim !== undefined);
        await outbox.settle(claim, { kind: "dead", reason: "http_4xx" }, attemptOf(claim));
        assert.deepEqual(await claimsOf(outbox, "ops", 10, { order: "block" }), []);
        assert.deepEqual((await outbox.due()).endpointIds, [], "nothing can be claimed");
        await letGo(outbox, claim.id);
        const expected = prefix === "r" ? ["evt_r1", "evt_r2"] : [`evt_${prefix}2`];
        assert.deepEqual(await deliverAll(outbox, prefix === "s" ? "skip" : "block"), expected);
      }
    },
  },
  {
    name: "where the dead are skipped, the next of the key follows at once",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([1, 2].map((n) => submissionOf(subject, `evt_${n}`, ["ops"], { orderKey: "a" })));
      const [claim] = await claimsOf(outbox, "ops", 10, { order: "skip" });
      assert.ok(claim !== undefined);
      await outbox.settle(claim, { kind: "dead", reason: "http_4xx" }, attemptOf(claim));
      assert.deepEqual(await deliverAll(outbox, "skip"), ["evt_2"]);
    },
  },
  {
    name: "a replay of a key keeps its order",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([1, 2, 3].map((n) => submissionOf(subject, `evt_${n}`, ["ops"], { orderKey: "a" })));
      assert.deepEqual(await deliverAll(outbox, "block"), ["evt_1", "evt_2", "evt_3"]);
      await outbox.put([submissionOf(subject, "evt_4", ["ops"], { orderKey: "a" })]);
      await outbox.replay({ state: "delivered" });
      assert.deepEqual(await deliverAll(outbox, "block"), ["evt_1", "evt_2", "evt_3", "evt_4"]);
    },
  },
  {
    name: "a replayed delivery waits for the one of its key that is under way",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([1, 2].map((n) => submissionOf(subject, `evt_${n}`, ["ops"], { orderKey: "a" })));
      const [first] = await claimsOf(outbox, "ops", 10, { order: "skip" });
      assert.ok(first !== undefined);
      await outbox.settle(first, { kind: "dead", reason: "http_4xx" }, attemptOf(first));
      const [second] = await claimsOf(outbox, "ops", 10, { order: "skip" });
      assert.equal(second?.event.id, "evt_2");
      await outbox.replay({ deliveryIds: [first.id] });
      assert.deepEqual(await claimsOf(outbox, "ops", 10, { order: "skip" }), []);
      assert.equal((await outbox.get(first.id))?.behind, second.id);
      await outbox.settle(second, { kind: "delivered" });
      assert.deepEqual(await deliverAll(outbox, "skip"), ["evt_1"]);
    },
  },
  {
    name: "what is buried or forgotten keeps nobody of its key back",
    needs: "clusterLimits",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([1, 2].map((n) => submissionOf(subject, `evt_${n}`, ["ops"], { orderKey: "a" })));
      assert.equal(await outbox.bury("ops", "endpoint removed"), 2);
      await outbox.put([submissionOf(subject, "evt_3", ["ops"], { orderKey: "a" })]);
      const [third] = await claimsOf(outbox, "ops", 10, { order: "block" });
      assert.equal(third?.event.id, "evt_3");
      await outbox.put([submissionOf(subject, "evt_4", ["ops"], { orderKey: "a" })]);
      await outbox.settle(third, { kind: "dead", reason: "http_4xx" }, attemptOf(third));
      assert.deepEqual(await claimsOf(outbox, "ops", 10, { order: "block" }), []);
      await outbox.prune({ keep: 0 });
      assert.deepEqual(await deliverAll(outbox, "block"), ["evt_4"]);
    },
  },
];
