/** Which endpoint wants which event, and why not: decided without side effects, remembered per event type. */
import type { Endpoint } from "../event/endpoint.ts";
import { matchesPattern } from "../event/event-types.ts";
import type { RoutingDecision } from "../event/routing-decision.ts";
import { readableEvent, type WebhookEvent } from "../event/webhook-event.ts";

export interface Route {
  readonly endpoint: Endpoint;
  readonly enabled: boolean;
}

export interface Routing {
  /** Endpoints that get the event. */
  readonly endpoints: readonly Endpoint[];
  /** One per endpoint. */
  readonly decisions: readonly RoutingDecision[];
  /** Some of the endpoints make a body of their own. */
  readonly transforms: boolean;
}

export class RoutingTable {
  #routes: readonly Route[];
  readonly #byType = new Map<string, Routing>();

  constructor(routes: Iterable<Route> = []) {
    this.#routes = [...routes];
  }

  /** Takes other routes in place of those it has. */
  replace(routes: Iterable<Route>): void {
    this.#routes = [...routes];
    this.#byType.clear();
  }

  /** Tells whether any enabled endpoint's patterns cover the type; filters are not asked. */
  wants(type: string): boolean {
    return this.#candidates(type).endpoints.length > 0;
  }

  route(event: WebhookEvent): Routing {
    const candidates = this.#candidates(event.event_type);
    let refused: Map<string, RoutingDecision> | undefined;
    for (const endpoint of candidates.endpoints) {
      if (endpoint.filter === undefined) continue;
      const reason = askFilter(endpoint.filter, event);
      if (reason === undefined) continue;
      refused ??= new Map();
      refused.set(endpoint.id, { endpointId: endpoint.id, routed: false, reason });
    }
    return refused === undefined ? candidates : without(refused, candidates);
  }

  /** What types and switches alone decide; the same object for every event of the type. */
  #candidates(type: string): Routing {
    const known = this.#byType.get(type);
    if (known !== undefined) return known;
    const decisions = this.#routes.map((route) => decideByType(route, type));
    const endpoints = this.#routes.flatMap((route, index) =>
      decisions[index]?.routed ? [route.endpoint] : [],
    );
    const transforms = endpoints.some((endpoint) => endpoint.transform !== undefined);
    const candidates = { endpoints, decisions, transforms };
    if (this.#byType.size < 10_000) this.#byType.set(type, candidates);
    return candidates;
  }
}

function without(refused: ReadonlyMap<string, RoutingDecision>, routing: Routing): Routing {
  const { endpoints, decisions, transforms } = routing;
  return {
    endpoints: endpoints.filter((endpoint) => !refused.has(endpoint.id)),
    decisions: decisions.map((decision) => refused.get(decision.endpointId) ?? decision),
    transforms,
  };
}

function decideByType({ endpoint, enabled }: Route, type: string): RoutingDecision {
  const endpointId = endpoint.id;
  const pattern = endpoint.eventTypes.find((candidate) => matchesPattern(candidate, type));
  if (pattern === undefined) return { endpointId, routed: false, reason: "type" };
  if (!enabled) return { endpointId, routed: false, reason: "disabled" };
  return { endpointId, routed: true, pattern };
}

function askFilter(
  filter: (event: WebhookEvent) => boolean,
  event: WebhookEvent,
): "filter" | "filter_failed" | undefined {
  try {
    return filter(readableEvent(event)) ? undefined : "filter";
  } catch {
    return "filter_failed";
  }
}
