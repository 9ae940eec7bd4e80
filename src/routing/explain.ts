/** Explains what became of one event at every endpoint, and why. */
import type { Delivery } from "../event/delivery.ts";
import type { NotRoutedReason } from "../event/routing-decision.ts";
import type { EventRecord } from "../outbox/outbox.ts";

export interface EndpointExplanation {
  readonly endpointId: string;
  readonly verdict: "delivered" | "waiting" | "in_progress" | "dead" | "not_routed";
  /** Why it waits, is dead, or was not routed; which pattern routed it otherwise. */
  readonly reason: string;
  /** Until when it waits, Unix milliseconds. */
  readonly until?: number;
  readonly deliveryId?: string;
  readonly attempts?: number;
}

export interface Explanation {
  readonly eventId: string;
  readonly eventType: string;
  readonly source: string;
  /** When it was accepted, Unix milliseconds. */
  readonly createdAt: number;
  readonly endpoints: readonly EndpointExplanation[];
}

const notRouted: Readonly<Record<NotRoutedReason, string>> = {
  type: "the endpoint's event types do not cover it",
  filter: "the endpoint's filter answered no",
  filter_failed: "the endpoint's filter threw, or did not answer at once",
  transform_failed: "the endpoint's transform threw, or did not answer at once",
  disabled: "the endpoint was disabled",
};

/** How an endpoint stands now. */
export interface EndpointStanding {
  readonly enabled: boolean;
  readonly paused?: boolean;
  /** Why it is off or paused, and by whom. */
  readonly why?: string;
  /** Absent where this process does not deliver. */
  readonly circuit?: {
    readonly state: "closed" | "half_open" | "open";
    /** When an open one is probed, Unix milliseconds. */
    readonly until?: number;
  };
}

/** `standingOf` returns undefined for an endpoint that is not configured here. */
export function explain(
  record: EventRecord,
  standingOf: (endpointId: string) => EndpointStanding | undefined,
): Explanation {
  const { event, deliveries } = record;
  const delivered = new Map(deliveries.map((delivery) => [delivery.endpointId, delivery]));
  const routed = deliveries.map((delivery) => {
    const decision = event.decisions.find((entry) => entry.endpointId === delivery.endpointId);
    return explainDelivery(
      delivery,
      decision?.routed ? decision.pattern : "*",
      standingOf(delivery.endpointId),
    );
  });
  const others = event.decisions.flatMap((decision): EndpointExplanation[] => {
    if (decision.routed || delivered.has(decision.endpointId)) return [];
    return [{ endpointId: decision.endpointId, verdict: "not_routed", reason: notRouted[decision.reason] }];
  });
  return {
    eventId: event.id,
    eventType: event.type,
    source: event.source,
    createdAt: event.createdAt,
    endpoints: [...routed, ...others],
  };
}

function explainDelivery(
  delivery: Delivery,
  pattern: string,
  standing: EndpointStanding | undefined,
): EndpointExplanation {
  const { id: deliveryId, endpointId, state, reason } = delivery;
  const known = { endpointId, deliveryId, attempts: delivery.attempts.length };
  switch (state) {
    case "delivered":
      return { ...known, verdict: "delivered", reason: `matched ${pattern}` };
    case "delivering":
      return { ...known, verdict: "in_progress", reason: `matched ${pattern}` };
    case "dead":
      return { ...known, verdict: "dead", reason: reason ?? "unknown" };
    case "pending":
      return { ...known, verdict: "waiting", ...whyItWaits(delivery, standing) };
  }
}

function whyItWaits(
  { reason, dueAt, behind }: Delivery,
  standing: EndpointStanding | undefined,
): Pick<EndpointExplanation, "reason" | "until"> {
  if (standing === undefined) return { reason: "no process here has this endpoint" };
  const why = standing.why === undefined ? "" : ` ${standing.why}`;
  if (!standing.enabled) return { reason: `the endpoint is disabled${why}` };
  if (standing.paused === true) return { reason: `the endpoint is paused${why}` };
  if (behind !== undefined) return { reason: `behind ${behind}` };
  if (standing.circuit === undefined && reason === undefined) {
    return { reason: "waits for a process that delivers" };
  }
  const { state = "closed", until = dueAt } = standing.circuit ?? {};
  if (state === "closed") return { reason: reason ?? "waits for its turn", until: dueAt };
  return { reason: state === "open" ? "circuit open" : "circuit half-open", until: Math.max(dueAt, until) };
}
