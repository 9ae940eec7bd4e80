/** The outbox suite's cases on what `put` stores, what it refuses, and how bodies come back. */
import assert from "node:assert/strict";
import { WebhookError } from "../event/errors.ts";
import type { RoutingDecision } from "../event/routing-decision.ts";
import { claimsOf, attemptOf, claimOnly, deliveryId, idsOf, submissionOf } from "./outbox-subject.ts";
import type { OutboxCase, OutboxSubject } from "./outbox-subject.ts";

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

async function openBounded(subject: OutboxSubject, maxDeliveries: number) {
  const outbox = await subject.openBounded?.(maxDeliveries);
  assert.ok(outbox, "the subject opens a bounded outbox");
  return outbox;
}

const isFull = (error: unknown): boolean => WebhookError.is(error, "OUTBOX_FULL");

export const storingCases: readonly OutboxCase[] = [
  {
    name: "what put stored is found as it was given, waiting for its first attempt",
    async run(subject) {
      const outbox = await subject.open();
      const now = subject.now();
      const [stored] = await outbox.put([
        submissionOf(subject, "evt_1", ["ops", "audit"], { createdAt: now, dueAt: now }),
      ]);
      assert.equal(stored?.accepted, true);
      assert.deepEqual(await outbox.get(deliveryId("evt_1", "audit")), {
        id: deliveryId("evt_1", "audit"),
        eventId: "evt_1",
        eventType: "cache.updated",
        endpointId: "audit",
        state: "pending",
        createdAt: now,
        dueAt: now,
        replays: 0,
        attempts: [],
      });
    },
  },
  {
    name: "an id may be any visible ASCII, and each is an event of its own that a second put leaves as it is",
    async run(subject) {
      const outbox = await subject.open();
      const ids = ["a.b", "a:b", "a/b", "a%2Fb", "A.b", "{a}b", "\"[\\\\]'", "*", "?", "..", "x".repeat(255)];
      const put = async (id: string, body: string): Promise<boolean | undefined> => {
        const { event, deliveries } = submissionOf(subject, id, ["ops"], { body: Buffer.from(body) });
        const named = deliveries.map((delivery) => ({ ...delivery, id: `dlv_${ids.indexOf(id)}` }));
        return (await outbox.put([{ event, deliveries: named }]))[0]?.accepted;
      };
      for (const id of ids) assert.equal(await put(id, id), true);
      for (const id of ids) {
        assert.equal(await put(id, "other"), false);
        const record = await outbox.event(id);
        assert.equal(record?.event.id, id);
        assert.equal(String(record?.event.body), id);
        assert.deepEqual(idsOf((await outbox.find({ eventId: id })).deliveries), [`dlv_${ids.indexOf(id)}`]);
      }
    },
  },
  {
    name: "an event comes back with its body, trace context, origin, decisions and deliveries",
    async run(subject) {
      const outbox = await subject.open();
      const decisions: RoutingDecision[] = [
        { endpointId: "ops", routed: true, pattern: "cache.*" },
        { endpointId: "audit", routed: false, reason: "filter" },
      ];
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      const { event, deliveries } = submissionOf(subject, "evt_1", ["ops"], {
        traceparent,
        tracestate: "a=b",
        decisions,
      });
      await outbox.put([{ event, deliveries }]);
      const record = await outbox.event("evt_1");
      assert.deepEqual(record?.event, event);
      assert.deepEqual(idsOf(record?.deliveries ?? []), [deliveryId("evt_1")]);
    },
  },
  {
    name: "body bytes come back exactly, also those that are no UTF-8",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1", ["ops"], { body: everyByte })]);
      await outbox.put([submissionOf(subject, "evt_2", ["audit"], { body: Buffer.alloc(0) })]);
      assert.ok((await claimOnly(outbox)).event.body.equals(everyByte), "in a claim");
      assert.ok((await outbox.event("evt_1"))?.event.body.equals(everyByte), "in the event");
      assert.equal((await claimOnly(outbox, "audit")).event.body.length, 0, "an empty one");
    },
  },
  {
    name: "a delivery's own content comes back with each of its claims, and with those of no other",
    async run(subject) {
      const outbox = await subject.open();
      const { event, deliveries } = submissionOf(subject, "evt_1", ["ops", "chat", "empty"]);
      const contents = new Map([
        ["chat", { body: everyByte, headers: { "content-type": "text/plain", "ce-id": "évt ☃" } }],
        ["empty", { body: Buffer.alloc(0), headers: {} }],
      ]);
      const own = deliveries.map((delivery) => {
        const content = contents.get(delivery.endpointId);
        return content === undefined ? delivery : { ...delivery, content };
      });
      await outbox.put([{ event, deliveries: own }]);
      assert.ok(!("content" in (await claimOnly(outbox))), "none where none was given");
      const empty = await claimOnly(outbox, "empty");
      assert.deepEqual([empty.content?.body.length, empty.content?.headers], [0, {}]);
      const first = await claimOnly(outbox, "chat");
      await outbox.settle(
        first,
        { kind: "retry", dueAt: subject.now(), reason: "timeout" },
        attemptOf(first),
      );
      const second = await claimOnly(outbox, "chat");
      await outbox.settle(second, { kind: "dead", reason: "timeout" }, attemptOf(second));
      await outbox.replay({ deliveryIds: [second.id] });
      for (const claim of [first, second, await claimOnly(outbox, "chat")]) {
        assert.ok(claim.content?.body.equals(everyByte));
        assert.deepEqual(claim.content?.headers, contents.get("chat")?.headers);
        assert.ok(claim.event.body.equals(event.body), "beside the event's body");
      }
    },
  },
  {
    name: "a delivery put with claim and content is claimed with it",
    async run(subject) {
      const outbox = await subject.open();
      const { event, deliveries } = submissionOf(subject, "evt_1", ["ops"], { claim: true });
      const content = { body: everyByte, headers: { "content-type": "text/plain" } };
      const [stored] = await outbox.put([
        { event, deliveries: deliveries.map((one) => ({ ...one, content })) },
      ]);
      const claim = stored?.claims[0] ?? (await claimOnly(outbox));
      assert.ok(claim.content?.body.equals(everyByte));
      assert.deepEqual(claim.content?.headers, content.headers);
    },
  },
  {
    name: "endpoint ids of any characters keep their deliveries apart",
    async run(subject) {
      const outbox = await subject.open();
      const endpointIds = ["a:b", "a", "b", "ü/é 1", "__proto__", "{x}", "a:b:c"];
      await outbox.put(
        endpointIds.map((endpointId, index) => ({
          ...submissionOf(subject, `evt_${index}`),
          deliveries: [{ id: `dlv_${index}`, endpointId, dueAt: subject.now() }],
        })),
      );
      for (const [index, endpointId] of endpointIds.entries()) {
        assert.deepEqual(idsOf((await outbox.find({ endpointId })).deliveries), [`dlv_${index}`]);
        assert.equal((await claimOnly(outbox, endpointId)).id, `dlv_${index}`);
      }
    },
  },
  {
    name: "a known event id stores nothing a second time",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1", ["ops"])]);
      const [again] = await outbox.put([
        submissionOf(subject, "evt_1", ["ops", "audit"], { type: "cache.cleared", claim: true }),
      ]);
      assert.deepEqual(again, { accepted: false, claims: [] });
      assert.deepEqual(idsOf((await outbox.find({})).deliveries), [deliveryId("evt_1")]);
      assert.equal((await outbox.event("evt_1"))?.event.type, "cache.updated");
    },
  },
  {
    name: "a delivered event id is still known",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1")]);
      await outbox.settle(await claimOnly(outbox), { kind: "delivered" });
      const [again] = await outbox.put([submissionOf(subject, "evt_1")]);
      assert.equal(again?.accepted, false);
      assert.equal((await outbox.get(deliveryId("evt_1")))?.state, "delivered");
    },
  },
  {
    name: "answers come in the order given, and an id twice in one call is stored once",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_known")]);
      const submissions = ["evt_a", "evt_known", "evt_b", "evt_a"].map((id) => submissionOf(subject, id));
      const stored = await outbox.put(submissions);
      assert.deepEqual(
        stored.map(({ accepted }) => accepted),
        [true, false, true, false],
      );
      assert.equal((await outbox.find({})).deliveries.length, 3);
    },
  },
  {
    name: "two puts of one event at the same time store it once",
    async run(subject) {
      const outbox = await subject.open();
      const puts = Array.from({ length: 20 }, () => outbox.put([submissionOf(subject, "evt_1")]));
      const accepted = (await Promise.all(puts)).flat().filter((stored) => stored.accepted);
      assert.equal(accepted.length, 1);
      assert.equal((await outbox.find({})).deliveries.length, 1);
    },
  },
  {
    name: "an event that goes to no endpoint is kept with the reasons",
    async run(subject) {
      const outbox = await subject.open();
      const decisions: RoutingDecision[] = [{ endpointId: "ops", routed: false, reason: "type" }];
      const [stored] = await outbox.put([submissionOf(subject, "evt_1", [], { decisions })]);
      assert.equal(stored?.accepted, true);
      const record = await outbox.event("evt_1");
      assert.deepEqual(record?.event.decisions, decisions);
      assert.deepEqual(record?.deliveries, []);
    },
  },
  {
    name: "an empty put answers with nothing",
    async run(subject) {
      const outbox = await subject.open();
      assert.deepEqual(await outbox.put([]), []);
    },
  },
  {
    name: "a delivery put with claim is either held by this outbox at once or waits to be claimed",
    async run(subject) {
      const outbox = await subject.open();
      const submission = submissionOf(subject, "evt_1", ["ops"], { claim: true });
      const [stored] = await outbox.put([submission]);
      const claim = stored?.claims[0] ?? (await claimOnly(outbox));
      assert.deepEqual(await claimsOf(outbox, "ops", 10), [], "nobody else gets it");
      assert.equal((await outbox.get(deliveryId("evt_1")))?.state, "delivering");
      assert.equal(claim.id, deliveryId("evt_1"));
      assert.equal(claim.endpointId, "ops");
      assert.deepEqual([claim.attempt, claim.replay, claim.previous], [1, 0, undefined]);
      assert.ok(claim.event.body.equals(submission.event.body));
      assert.equal(
        await outbox.settle(
          claim,
          { kind: "retry", dueAt: subject.now(), reason: "http_5xx" },
          attemptOf(claim),
        ),
        "settled",
      );
      assert.equal((await claimOnly(outbox)).attempt, 2);
    },
  },
  {
    name: "a full outbox refuses a put and stores nothing of it",
    needs: "bounded",
    async run(subject) {
      const outbox = await openBounded(subject, 3);
      await outbox.put([submissionOf(subject, "evt_1", ["ops", "audit"])]);
      const both = [submissionOf(subject, "evt_2"), submissionOf(subject, "evt_3")];
      await assert.rejects(outbox.put(both), isFull);
      assert.equal(await outbox.event("evt_2"), undefined);
      assert.equal(await outbox.event("evt_3"), undefined);
      assert.equal(
        (await outbox.put([submissionOf(subject, "evt_4")]))[0]?.accepted,
        true,
        "what fits is accepted",
      );
      assert.equal(
        (await outbox.put([submissionOf(subject, "evt_4")]))[0]?.accepted,
        false,
        "what is known needs no room",
      );
    },
  },
  {
    name: "claimed and dead deliveries fill an outbox, delivered ones do not",
    needs: "bounded",
    async run(subject) {
      const outbox = await openBounded(subject, 2);
      await outbox.put([submissionOf(subject, "evt_1"), submissionOf(subject, "evt_2", ["audit"])]);
      const claim = await claimOnly(outbox);
      await assert.rejects(outbox.put([submissionOf(subject, "evt_3")]), isFull);
      await outbox.settle(claim, { kind: "dead", reason: "http_4xx" });
      await assert.rejects(outbox.put([submissionOf(subject, "evt_3")]), isFull);
      await outbox.settle(await claimOnly(outbox, "audit"), { kind: "delivered" });
      assert.equal((await outbox.put([submissionOf(subject, "evt_3")]))[0]?.accepted, true);
    },
  },
  {
    name: "putSync has stored when it returns",
    needs: "putSync",
    async run(subject) {
      const outbox = await subject.open();
      outbox.putSync?.([submissionOf(subject, "evt_1"), submissionOf(subject, "evt_1")]);
      assert.equal((await outbox.get(deliveryId("evt_1")))?.state, "pending");
      outbox.putSync?.([submissionOf(subject, "evt_1", ["ops", "audit"])]);
      assert.equal((await outbox.find({})).deliveries.length, 1, "and is idempotent too");
    },
  },
];
