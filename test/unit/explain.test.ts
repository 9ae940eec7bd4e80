/** What became of an event at each endpoint, in the words of the command line and the console. */
import { describe, expect, it } from "vitest";
import type { Attempt, Delivery } from "../../src/event/delivery.ts";
import type { RoutingDecision } from "../../src/event/routing-decision.ts";
import type { EventRecord } from "../../src/outbox/outbox.ts";
import { type EndpointStanding, explain } from "../../src/routing/explain.ts";

const closed: EndpointStanding = { enabled: true, circuit: { state: "closed" } };

function record(
  deliveries: readonly Partial<Delivery>[],
  decisions: readonly RoutingDecision[] = [],
): EventRecord {
  const event = { id: "evt_1", type: "cache.updated", source: "cache", createdAt: 5, origin: "test" };
  return {
    event: { ...event, body: Buffer.from("{}"), decisions },
    deliveries: deliveries.map((delivery) => ({
      ...{ id: "dlv_1", eventId: "evt_1", eventType: "cache.updated", endpointId: "ops" },
      ...{ state: "pending", createdAt: 5, dueAt: 100, replays: 0, attempts: [] },
      ...delivery,
    })),
  };
}

/** The answer for the only endpoint. */
function of(delivery: Partial<Delivery>, standing: EndpointStanding | undefined = closed) {
  return explain(record([delivery]), () => standing).endpoints[0];
}

const known = { endpointId: "ops", deliveryId: "dlv_1", attempts: 0 };

describe("a delivery", () => {
  it("that ended well or is under way names the pattern that routed it", () => {
    const decisions: RoutingDecision[] = [
      { endpointId: "other", routed: true, pattern: "error.*" },
      { endpointId: "ops", routed: true, pattern: "cache.*" },
    ];
    const attempts = [{}, {}] as unknown as readonly Attempt[];
    for (const [state, verdict] of [
      ["delivered", "delivered"],
      ["delivering", "in_progress"],
    ] as const) {
      const { endpoints } = explain(record([{ state, attempts }], decisions), () => closed);
      expect(endpoints).toEqual([{ ...known, attempts: 2, verdict, reason: "matched cache.*" }]);
    }
  });

  it("that no decision tells of was for everything", () => {
    expect(of({ state: "delivered" })).toEqual({ ...known, verdict: "delivered", reason: "matched *" });
  });

  it("that is dead says why, as far as that is known", () => {
    expect(of({ state: "dead", reason: "http_4xx" })).toEqual({
      ...known,
      verdict: "dead",
      reason: "http_4xx",
    });
    expect(of({ state: "dead" })).toEqual({ ...known, verdict: "dead", reason: "unknown" });
  });

  it.each<[string, Partial<Delivery>, EndpointStanding, object]>([
    ["for its turn", {}, closed, { reason: "waits for its turn", until: 100 }],
    ["for a process that delivers", {}, { enabled: true }, { reason: "waits for a process that delivers" }],
    ["for one after a failure", { reason: "timeout" }, { enabled: true }, { reason: "timeout", until: 100 }],
    ["after a failure", { reason: "timeout" }, closed, { reason: "timeout", until: 100 }],
    [
      "while its endpoint is disabled",
      {},
      { ...closed, enabled: false },
      { reason: "the endpoint is disabled" },
    ],
    [
      "for the probe of an open circuit",
      {},
      { enabled: true, circuit: { state: "open", until: 700 } },
      { reason: "circuit open", until: 700 },
    ],
    [
      "for its own time after that probe",
      { dueAt: 900 },
      { enabled: true, circuit: { state: "open", until: 700 } },
      { reason: "circuit open", until: 900 },
    ],
    [
      "for the answer to a probe",
      {},
      { enabled: true, circuit: { state: "half_open" } },
      { reason: "circuit half-open", until: 100 },
    ],
  ])("waits %s, and says so", (_, delivery, standing, expected) => {
    expect(of(delivery, standing)).toEqual({ ...known, verdict: "waiting", ...expected });
  });

  it("waits for a process that has its endpoint", () => {
    const { endpoints } = explain(record([{}]), () => undefined);
    expect(endpoints).toEqual([
      { ...known, verdict: "waiting", reason: "no process here has this endpoint" },
    ]);
  });
});

describe("an endpoint that did not get the event", () => {
  it.each([
    ["type", "the endpoint's event types do not cover it"],
    ["filter", "the endpoint's filter answered no"],
    ["filter_failed", "the endpoint's filter threw, or did not answer at once"],
    ["transform_failed", "the endpoint's transform threw, or did not answer at once"],
    ["disabled", "the endpoint was disabled"],
  ] as const)("because of %s is told so", (reason, words) => {
    const { endpoints, ...event } = explain(
      record([], [{ endpointId: "ops", routed: false, reason }]),
      () => closed,
    );
    expect(endpoints).toEqual([{ endpointId: "ops", verdict: "not_routed", reason: words }]);
    expect(event).toEqual({ eventId: "evt_1", eventType: "cache.updated", source: "cache", createdAt: 5 });
  });

  it("is not named twice where it got a delivery all the same", () => {
    const decisions: RoutingDecision[] = [
      { endpointId: "ops", routed: false, reason: "type" },
      { endpointId: "gone", routed: true, pattern: "*" },
    ];
    const { endpoints } = explain(record([{ state: "delivered" }], decisions), () => closed);
    expect(endpoints.map(({ endpointId }) => endpointId)).toEqual(["ops"]);
  });
});
