/** The outbox suite's cases on what changes deliveries other than an attempt, and on endpoints and their states. */
import assert from "node:assert/strict";
import {
  attemptOf,
  claimOnly,
  claimsOf,
  deliveryId,
  idsOf,
  putAndClaim,
  putDelivered,
  submissionOf,
} from "./outbox-subject.ts";
import type { OutboxCase } from "./outbox-subject.ts";

const off = { endpointId: "ops", routed: false, reason: "disabled" } as const;

export const handsCases: readonly OutboxCase[] = [
  {
    name: "sending now replaces the retry that was planned, and says who asked and when",
    needs: "hands",
    async run(subject) {
      const outbox = await subject.open();
      const claim = await putAndClaim(subject, outbox, "evt_1");
      const dueAt = subject.now() + 60_000;
      await outbox.settle(claim, { kind: "retry", dueAt, reason: "timeout" }, attemptOf(claim));
      const before = subject.now();
      assert.equal(await outbox.sendNow(claim.id, "suite"), "done");
      const waiting = await outbox.get(claim.id);
      assert.ok(waiting !== undefined && waiting.dueAt <= subject.now());
      const [intervention, ...others] = waiting.interventions ?? [];
      assert.deepEqual([intervention?.action, intervention?.by, others.length], ["send", "suite", 0]);
      assert.ok((intervention?.at ?? 0) >= before && (intervention?.at ?? 0) <= subject.now());
      const again = await claimOnly(outbox);
      assert.equal(again.attempt, 2);
      assert.equal(await outbox.sendNow(claim.id, "suite"), "under way");
      await outbox.settle(again, { kind: "delivered" });
      assert.equal(await outbox.sendNow(claim.id, "suite"), "finished");
      assert.equal(await outbox.sendNow("dlv_unknown", "suite"), "unknown");
      assert.deepEqual(await outbox.due(), { endpointIds: [] }, "the planned one is gone");
    },
  },
  {
    name: "a cancelled delivery is dead with who did it and why, and can be replayed",
    needs: "hands",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1"), submissionOf(subject, "evt_2")]);
      assert.equal(await outbox.cancel(deliveryId("evt_1"), "suite", "wrong order"), "done");
      assert.equal(await outbox.cancel(deliveryId("evt_2"), "suite"), "done");
      const cancelled = await outbox.get(deliveryId("evt_1"));
      assert.deepEqual([cancelled?.state, cancelled?.reason], ["dead", "cancelled: wrong order"]);
      const [intervention] = cancelled?.interventions ?? [];
      assert.deepEqual(
        [intervention?.action, intervention?.by, intervention?.reason],
        ["cancel", "suite", "wrong order"],
      );
      assert.equal((await outbox.get(deliveryId("evt_2")))?.reason, "cancelled");
      assert.deepEqual(await claimsOf(outbox, "ops", 10), []);
      const [count] = await outbox.counts();
      assert.deepEqual([count?.pending, count?.dead], [0, 2]);
      assert.equal(await outbox.cancel(deliveryId("evt_1"), "suite"), "finished");
      assert.equal(await outbox.cancel("dlv_unknown", "suite"), "unknown");
      assert.deepEqual(await outbox.replay({ deliveryIds: [deliveryId("evt_1")] }), [deliveryId("evt_1")]);
      const claim = await claimOnly(outbox);
      assert.equal(await outbox.cancel(claim.id, "suite"), "under way");
    },
  },
  {
    name: "what has expired is never granted, and is dead with that reason",
    needs: "hands",
    async run(subject) {
      const outbox = await subject.open();
      const soon = subject.now() + 300;
      await outbox.put([
        submissionOf(subject, "evt_1", ["ops"], { expiresAt: soon }),
        submissionOf(subject, "evt_2", ["ops"], { expiresAt: subject.now() + 60_000 }),
        submissionOf(subject, "evt_3", ["ops"]),
      ]);
      assert.equal((await outbox.due()).expiresAt, soon);
      assert.deepEqual(await outbox.expire(), []);
      await subject.advance(350);
      const claims = await claimsOf(outbox, "ops", 10);
      assert.deepEqual(idsOf(claims), [deliveryId("evt_2"), deliveryId("evt_3")]);
      assert.deepEqual(
        (await outbox.expire()).map(({ id, eventId, endpointId, eventType }) => [
          id,
          eventId,
          endpointId,
          eventType,
        ]),
        [[deliveryId("evt_1"), "evt_1", "ops", "cache.updated"]],
      );
      const expired = await outbox.get(deliveryId("evt_1"));
      assert.deepEqual([expired?.state, expired?.reason, expired?.expiresAt], ["dead", "expired", soon]);
      assert.deepEqual(await outbox.expire(), []);
      const [count] = await outbox.counts();
      assert.deepEqual([count?.pending, count?.delivering, count?.dead], [0, 2, 1]);
    },
  },
  {
    name: "a claim tells when its delivery expires; a replay expires no more",
    needs: "hands",
    async run(subject) {
      const outbox = await subject.open();
      const soon = subject.now() + 200;
      await outbox.put([submissionOf(subject, "evt_1", ["ops"], { expiresAt: soon })]);
      const claim = await claimOnly(outbox);
      assert.equal(claim.expiresAt, soon);
      await outbox.settle(claim, { kind: "dead", reason: "expired" });
      await subject.advance(250);
      await outbox.replay({ deliveryIds: [claim.id] });
      const again = await claimOnly(outbox);
      assert.equal(again.expiresAt, undefined);
    },
  },
  {
    name: "the events that an endpoint missed while it was off can be found, and their deliveries added",
    needs: "hands",
    async run(subject) {
      const outbox = await subject.open();
      const audit = { endpointId: "audit", routed: true, pattern: "*" } as const;
      const now = subject.now();
      await putDelivered(outbox, [
        submissionOf(subject, "evt_1", ["audit"], { createdAt: now - 3, decisions: [off, audit] }),
      ]);
      await outbox.put([
        submissionOf(subject, "evt_2", [], { createdAt: now - 2, decisions: [off] }),
        submissionOf(subject, "evt_3", [], {
          createdAt: now - 1,
          decisions: [{ endpointId: "ops", routed: false, reason: "type" }],
        }),
        submissionOf(subject, "evt_4", ["ops"], { createdAt: now }),
      ]);
      const first = await outbox.missed("ops", { limit: 1 });
      assert.deepEqual(idsOf(first.events), ["evt_1"]);
      assert.ok(first.cursor !== undefined);
      const second = await outbox.missed("ops", { limit: 1, cursor: first.cursor });
      assert.deepEqual([idsOf(second.events), second.cursor], [["evt_2"], undefined]);
      assert.deepEqual((await outbox.missed("audit", { limit: 10 })).events, []);
      const late = ["evt_1", "evt_2", "evt_gone"].map((eventId) => ({
        eventId,
        delivery: { id: deliveryId(eventId), endpointId: "ops", dueAt: subject.now() },
      }));
      assert.equal(await outbox.add(late), 2);
      assert.equal(await outbox.add(late), 0, "once");
      assert.deepEqual((await outbox.missed("ops", { limit: 10 })).events, []);
      const record = await outbox.event("evt_1");
      assert.deepEqual(idsOf(record?.deliveries ?? []), [deliveryId("evt_1", "audit"), deliveryId("evt_1")]);
      const claims = await claimsOf(outbox, "ops", 10);
      assert.deepEqual(
        idsOf(claims).sort(),
        ["evt_1", "evt_2", "evt_4"].map((id) => deliveryId(id)),
      );
      for (const claim of claims) {
        assert.ok(claim.event.body.equals(Buffer.from(`{"event":"${claim.event.id}"}`)));
        await outbox.settle(claim, { kind: "delivered" }, attemptOf(claim, { outcome: "success" }));
      }
      const { deliveries } = await outbox.find({ eventId: "evt_1" });
      assert.equal(deliveries.length, 2);
      assert.equal(await outbox.prune({ keep: 0 }), 4);
      assert.equal(await outbox.event("evt_1"), undefined);
      assert.equal(await outbox.get(deliveryId("evt_1")), undefined);
    },
  },
  {
    name: "an event is not forgotten while a delivery that was added to it waits",
    needs: "hands",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.put([submissionOf(subject, "evt_1", [], { decisions: [off] })]);
      const delivery = { id: deliveryId("evt_1"), endpointId: "ops", dueAt: subject.now() };
      await outbox.add([{ eventId: "evt_1", delivery }]);
      assert.equal(await outbox.prune({ keep: 0 }), 0);
      assert.equal((await claimOnly(outbox)).event.id, "evt_1");
    },
  },
  {
    name: "the state of an endpoint is changed field by field, and a change is noticed",
    async run(subject) {
      const outbox = await subject.open();
      assert.deepEqual(await outbox.states(), []);
      const since = subject.now();
      const paused = await outbox.saveState("ops", { status: "paused", reason: "by hand", since, by: "api" });
      assert.deepEqual(paused, { endpointId: "ops", status: "paused", reason: "by hand", since, by: "api" });
      const { version } = await outbox.due();
      assert.ok(version !== undefined);
      await outbox.saveState("ops", {
        failingSince: since,
        circuitUntil: since + 1000,
        lastFailureAt: since,
      });
      const now = (await outbox.due()).version;
      assert.ok(now !== undefined && now > version, "the version went up");
      const changed = await outbox.saveState("ops", { status: "on", reason: null, circuitUntil: null });
      assert.deepEqual(changed, {
        ...{ endpointId: "ops", status: "on", since, by: "api" },
        ...{ failingSince: since, lastFailureAt: since },
      });
      assert.deepEqual(await outbox.states(), [changed]);
    },
  },
  {
    name: "every process sees the same states",
    needs: "shared",
    async run(subject) {
      const [one, other] = [await subject.open(), await subject.open()];
      await one.saveState("ops", { status: "off", reason: "http_410", by: "receiver" });
      assert.deepEqual(await other.states(), [
        { endpointId: "ops", status: "off", reason: "http_410", by: "receiver" },
      ]);
      assert.ok((await other.due()).version !== undefined);
    },
  },
  {
    name: "states and stored endpoints survive their process",
    needs: "durable",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.saveState("ops", { status: "off", reason: "http_410", by: "receiver" });
      await outbox.saveEndpoint({ id: "ops", settings: '{"url":"https://a.example"}' });
      await subject.crash(outbox);
      const next = await subject.open();
      assert.equal((await next.states())[0]?.status, "off");
      assert.deepEqual(await next.loadEndpoints(), [{ id: "ops", settings: '{"url":"https://a.example"}' }]);
    },
  },
  {
    name: "stored endpoints come back as they were given, the last of an id, until they are removed",
    async run(subject) {
      const outbox = await subject.open();
      await outbox.saveEndpoint({ id: "ops", settings: "{}" });
      await outbox.saveEndpoint({ id: "audit", settings: '{"url":"é"}' });
      await outbox.saveEndpoint({ id: "ops", settings: '{"a":1}' });
      await outbox.saveState("ops", { status: "paused" });
      const stored = [...(await outbox.loadEndpoints())].sort((a, b) => a.id.localeCompare(b.id));
      assert.deepEqual(stored, [
        { id: "audit", settings: '{"url":"é"}' },
        { id: "ops", settings: '{"a":1}' },
      ]);
      assert.equal(await outbox.removeEndpoint("ops"), true);
      assert.equal(await outbox.removeEndpoint("ops"), false);
      assert.deepEqual(idsOf(await outbox.loadEndpoints()), ["audit"]);
      assert.deepEqual(await outbox.states(), [], "its state is forgotten with it");
    },
  },
  {
    name: "a transaction that the store cannot join is refused, and nothing is stored",
    needs: "noTransactions",
    async run(subject) {
      const outbox = await subject.open();
      await assert.rejects(outbox.put([submissionOf(subject, "evt_1")], { transaction: {} }), {
        code: "TRANSACTION_UNSUPPORTED",
      });
      assert.equal(await outbox.event("evt_1"), undefined);
    },
  },
];
