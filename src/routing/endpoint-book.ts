/** The endpoints of one manager, by id, and the routing table made of them. */
import type { Endpoint, EndpointDefaults, WebhookEndpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import { resolveEndpoint } from "../settings/resolve-endpoint.ts";
import { type Route, RoutingTable } from "./routing-table.ts";

/** An endpoint as others may see it: no secret, no header values. Times are seconds. */
export interface EndpointInfo {
  readonly id: string;
  readonly url: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether events are stored for it; where it is paused, they wait. */
  readonly enabled: boolean;
  readonly status: "on" | "paused" | "off";
  /** Why it is disabled or paused. */
  readonly reason?: string;
  /** Since when it is disabled or paused, Unix milliseconds. */
  readonly since?: number;
  /** Who did it: `settings`, `code`, `api`, `cli`, `receiver`, or a name. */
  readonly by?: string;
  readonly eventTypes: readonly string[];
  readonly timeout: number;
  readonly retries: number;
  readonly concurrency: number;
  readonly signature: "sha256" | "sha1";
  /** Of its circuit breaker, in this process. */
  readonly circuit: "closed" | "half_open" | "open";
}

/** How an endpoint came to be off or paused. */
export interface Switched {
  readonly reason?: string;
  readonly since?: number;
  readonly by: string;
}

interface Entry extends Route, Partial<Switched> {
  readonly paused?: boolean;
  /** Since when it misses what is sent to it, Unix milliseconds: from its first failure, or from the switch. */
  readonly missingSince?: number;
}

export class EndpointBook {
  /** Routes events to the endpoints that are in this book at the moment. */
  readonly table = new RoutingTable();
  readonly #entries = new Map<string, Entry>();
  #defaults: EndpointDefaults;
  readonly #refuse: (url: URL) => string | undefined;

  /** `refuse` returns why a URL may not be called, as far as that shows without resolving its host. */
  constructor(defaults: EndpointDefaults, refuse: (url: URL) => string | undefined) {
    this.#defaults = defaults;
    this.#refuse = refuse;
  }

  get(id: string): Route | undefined {
    return this.#entries.get(id);
  }

  routes(): Iterable<Route> {
    return this.#entries.values();
  }

  /** Checks settings without taking them. Throws ENDPOINT_INVALID, ENDPOINT_BLOCKED or SECRET_INVALID. */
  check(settings: WebhookEndpoint, defaults = this.#defaults): Endpoint {
    const endpoint = resolveEndpoint(settings, defaults);
    const refusal = this.#refuse(endpoint.url);
    if (refusal === undefined) return endpoint;
    throw new WebhookError("ENDPOINT_BLOCKED", `Endpoint \`${endpoint.id}\` cannot be called: ${refusal}`);
  }

  /** Checks and adds an endpoint. Throws what `check` throws, and ENDPOINT_INVALID where its id is taken. */
  add(settings: WebhookEndpoint): Endpoint {
    const endpoint = this.check(settings);
    if (this.#entries.has(endpoint.id)) throw taken(endpoint, settings.id === undefined);
    this.put(endpoint);
    return endpoint;
  }

  /** Adds a checked endpoint, or replaces the one of its id. */
  put(endpoint: Endpoint): void {
    this.#set({ endpoint, enabled: endpoint.enabled, ...(endpoint.enabled ? {} : { by: "settings" }) });
  }

  /** Gives an endpoint new settings. What switched it off holds on, unless the settings now say otherwise. */
  replace(endpoint: Endpoint, switched: boolean): void {
    const entry = this.#entries.get(endpoint.id);
    if (entry === undefined || switched) this.put(endpoint);
    else this.#set({ ...entry, endpoint });
  }

  /** Changes the defaults of endpoints added from now on; those that are here already keep what they have. */
  useDefaults(defaults: EndpointDefaults): void {
    this.#defaults = defaults;
  }

  /** Removes by id or URL. Returns the id, or undefined where there is none. */
  remove(urlOrId: string): string | undefined {
    const id = this.idOf(urlOrId);
    if (id === undefined) return undefined;
    this.#entries.delete(id);
    this.table.replace(this.#entries.values());
    return id;
  }

  /** Returns whether that changed anything. */
  enable(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || (entry.enabled && entry.paused !== true)) return false;
    this.#set({ endpoint: entry.endpoint, enabled: true });
    return true;
  }

  /** Returns whether that changed anything. */
  pause(id: string, how: Switched): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || !entry.enabled || entry.paused === true) return false;
    this.#set({ endpoint: entry.endpoint, enabled: true, paused: true, ...how });
    return true;
  }

  /** Undefined where there is no such endpoint. */
  statusOf(id: string): EndpointInfo["status"] | undefined {
    const entry = this.#entries.get(id);
    return entry && statusOf(entry);
  }

  /** Tells who switched it off or paused it. */
  switchedBy(id: string): string | undefined {
    return this.#entries.get(id)?.by;
  }

  /** Returns whether that changed anything. */
  disable(id: string, missingSince: number, how: Switched): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || !entry.enabled) return false;
    this.#set({ endpoint: entry.endpoint, enabled: false, missingSince, ...how });
    return true;
  }

  /** Since when a disabled endpoint misses what is sent to it, Unix milliseconds. */
  missingSince(id: string): number | undefined {
    return this.#entries.get(id)?.missingSince;
  }

  idOf(urlOrId: string): string | undefined {
    if (this.#entries.has(urlOrId)) return urlOrId;
    const href = URL.canParse(urlOrId) ? new URL(urlOrId).href : undefined;
    for (const { endpoint } of this.#entries.values()) if (endpoint.url.href === href) return endpoint.id;
    return undefined;
  }

  list(circuitOf: (id: string) => EndpointInfo["circuit"]): EndpointInfo[] {
    return [...this.#entries.values()].map(({ endpoint, enabled, paused = false, reason, since, by }) => ({
      id: endpoint.id,
      url: endpoint.url.href,
      ...(endpoint.description === undefined ? {} : { description: endpoint.description }),
      ...(endpoint.metadata === undefined ? {} : { metadata: endpoint.metadata }),
      enabled,
      status: statusOf({ enabled, paused }),
      ...(reason === undefined || (enabled && !paused) ? {} : { reason }),
      ...(since === undefined ? {} : { since }),
      ...(by === undefined ? {} : { by }),
      eventTypes: endpoint.eventTypes,
      timeout: endpoint.timeoutMs / 1000,
      retries: endpoint.retries,
      concurrency: endpoint.concurrency,
      signature: endpoint.signature,
      circuit: circuitOf(endpoint.id),
    }));
  }

  #set(entry: Entry): void {
    this.#entries.set(entry.endpoint.id, entry);
    this.table.replace(this.#entries.values());
  }
}

function statusOf({ enabled, paused }: Pick<Entry, "enabled" | "paused">): EndpointInfo["status"] {
  if (!enabled) return "off";
  return paused === true ? "paused" : "on";
}

/** Endpoints without ids of their own are told apart by their URLs alone. */
function taken({ id, url }: Endpoint, isNamedByUrl: boolean): WebhookError {
  if (!isNamedByUrl) {
    return new WebhookError("ENDPOINT_INVALID", `There is an endpoint \`${id}\` already`, {
      remedy: "Give each endpoint an `id` of its own.",
    });
  }
  const detail = `There is an endpoint with the same URL at ${url.origin} already`;
  return new WebhookError("ENDPOINT_INVALID", detail, { remedy: "Give each of the two an `id`." });
}
