/** Which endpoint wants which event, and why not: decided without side effects, remembered per event type. */
import { answeredAtOnce } from "../event/at-once.ts";
import type { Endpoint } from "../event/endpoint.ts";
import { matchesPattern } from "../event/event-types.ts";
import type { RoutingDecision } from "../event/routing-decision.ts";
import { ownCopy } from "../event/own-copy.ts";
import { serializeEvent, type WebhookEvent } from "../event/webhook-event.ts";

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
  /** Filters or transforms that failed: their endpoints go without the event. */
  readonly failures: readonly FunctionFailure[];
}

export interface FunctionFailure {
  readonly endpointId: string;
  readonly reason: "filter_failed" | "transform_failed";
  readonly error: unknown;
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

  /** Asks the filters too. `body` is what receivers get of the event: filters see the same. */
  route(event: WebhookEvent, body?: Buffer): Routing {
    const candidates = this.#candidates(event.event_type);
    let refused: Map<string, RoutingDecision> | undefined;
    let seen = body;
    const failures: FunctionFailure[] = [];
    for (const { id: endpointId, filter } of candidates.endpoints) {
      if (filter === undefined) continue;
      seen ??= serializeEvent(event, Number.POSITIVE_INFINITY);
      let reason: "filter" | "filter_failed" = "filter";
      try {
        if (answeredAtOnce(filter(ownCopy(event, seen)), `\`filter\` of endpoint \`${endpointId}\``))
          continue;
      } catch (error) {
        reason = "filter_failed";
        failures.push({ endpointId, reason, error });
      }
      refused ??= new Map();
      refused.set(endpointId, { endpointId, routed: false, reason });
    }
    return refused === undefined ? candidates : without(refused, candidates, failures);
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
    const candidates = { endpoints, decisions, transforms, failures: [] };
    if (this.#byType.size < 10_000) this.#byType.set(type, candidates);
    return candidates;
  }
}

function without(
  refused: ReadonlyMap<string, RoutingDecision>,
  routing: Routing,
  failures: readonly FunctionFailure[],
): Routing {
  const { endpoints, decisions, transforms } = routing;
  return {
    endpoints: endpoints.filter((endpoint) => !refused.has(endpoint.id)),
    decisions: decisions.map((decision) => refused.get(decision.endpointId) ?? decision),
    transforms,
    failures,
  };
}

function decideByType({ endpoint, enabled }: Route, type: string): RoutingDecision {
  const endpointId = endpoint.id;
  const pattern = endpoint.eventTypes.find((candidate) => matchesPattern(candidate, type));
  if (pattern === undefined) return { endpointId, routed: false, reason: "type" };
  if (!enabled) return { endpointId, routed: false, reason: "disabled" };
  return { endpointId, routed: true, pattern };
}
