/** The endpoints of a running manager: they come, go and are switched, in the book and on their lanes at once. */
import { type Circuit, closedCircuit } from "../delivery/policy/circuit-breaker.ts";
import { type PlannedAttempt, scheduleOf } from "../delivery/policy/schedule.ts";
import type { DisableCause, Worker } from "../delivery/worker.ts";
import type { Endpoint, WebhookEndpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import { endpointDisabledType } from "../event/event-types.ts";
import type { Logger } from "../event/logger.ts";
import type { EndpointCounts, Outbox } from "../outbox/outbox.ts";
import type { Host } from "../plugin/host.ts";
import type { EndpointBook, EndpointInfo } from "../routing/endpoint-book.ts";
import { type EndpointStanding, type Explanation, explain } from "../routing/explain.ts";
import { flag, nonEmptyText } from "../settings/calls.ts";
import { argument } from "../settings/check.ts";
import { doubtsOf } from "../settings/secret-doubts.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { LaneState } from "../telemetry/metrics/metrics.ts";
import { Burial } from "./burial.ts";
import { type ConfiguredEndpoints, type EndpointChanges, planChanges } from "./endpoint-changes.ts";
import { EndpointStates } from "./endpoint-states.ts";
import { EndpointSwitch } from "./endpoint-switch.ts";
import type { Intake } from "./intake.ts";

export interface EndpointStatus extends EndpointInfo, Omit<EndpointCounts, "endpointId"> {
  /** Posts that are running, in this process. */
  readonly inFlight: number;
  /** Since when nothing was delivered to it, or since when it is disabled; Unix milliseconds. */
  readonly failingSince?: number;
  /** When its open circuit is tried again, Unix milliseconds. */
  readonly circuitUntil?: number;
}

export interface EndpointsOptions {
  readonly book: EndpointBook;
  readonly worker: Worker;
  readonly host: Host;
  readonly intake: Intake;
  readonly outbox: Outbox;
  readonly lifecycle: Required<Lifecycle>;
  readonly logger: Logger;
  readonly now: () => number;
}

/** As the metric has them. */
const circuitNumbers = { closed: 0, half_open: 1, open: 2 } as const;

export class Endpoints {
  readonly #options: EndpointsOptions;

  readonly states: EndpointStates;
  readonly switches: EndpointSwitch;
  readonly #burial: Burial;

  constructor(options: EndpointsOptions) {
    this.#options = options;
    this.states = new EndpointStates(options);
    this.switches = new EndpointSwitch(options, this.states, (...changed) => this.#changed(...changed));
    this.#burial = new Burial({ ...options, isEndpoint: (id) => options.book.get(id) !== undefined });
  }

  /** `judge` may refuse it, by a throw, for what is no fault of the settings alone. */
  add(settings: WebhookEndpoint, judge?: (endpoint: Endpoint) => void): void {
    const { book } = this.#options;
    judge?.(book.check(settings));
    this.#begin(book.add(settings), "added");
  }

  /** What waited for it is kept as dead. */
  remove(urlOrId: string): boolean {
    const id = this.#options.book.remove(urlOrId);
    if (id === undefined) return false;
    this.#end(id, true);
    return true;
  }

  /**
   * Takes over the endpoints of a new configuration from those of the one before; others stay as they are. All are
   * checked before the first is changed. What waits for a changed endpoint is delivered under its new settings. What
   * waits for a removed one waits on, as it does after a restart, or with `bury` is kept as dead.
   */
  replace(before: ConfiguredEndpoints, after: ConfiguredEndpoints, bury: boolean): EndpointChanges {
    const { book } = this.#options;
    const { added, changed, removed } = planChanges(book, before, after);
    for (const id of removed) {
      book.remove(id);
      this.#end(id, bury);
    }
    if (!bury) void this.#burial.keep(removed);
    for (const { endpoint, isSwitched } of changed) {
      book.replace(endpoint, isSwitched);
      this.#begin(endpoint, "changed");
    }
    for (const endpoint of added) {
      book.put(endpoint);
      this.#begin(endpoint, "added");
    }
    book.useDefaults(after.defaults);
    return {
      added: added.map(({ id }) => id),
      changed: changed.map(({ endpoint }) => endpoint.id),
      removed,
    };
  }

  /** Throws ENDPOINT_UNKNOWN where there is none of that id. */
  refuseUnknown(id: string): void {
    if (this.#options.book.get(id) !== undefined) return;
    throw new WebhookError("ENDPOINT_UNKNOWN", `There is no endpoint \`${id}\` in this process`);
  }

  list(): EndpointInfo[] {
    return this.#options.book.list((id) => this.circuitOf(id).state);
  }

  /** Each with what waits for it. */
  async status(): Promise<EndpointStatus[]> {
    const { outbox, worker } = this.#options;
    if (!worker.isStarted) await this.switches.refresh();
    const counts = await outbox.counts();
    const byId = new Map(counts.map((each) => [each.endpointId, each]));
    const nothing = { pending: 0, delivering: 0, dead: 0 };
    return this.list().map((endpoint) => {
      const { id } = endpoint;
      return { ...endpoint, ...nothing, ...byId.get(id), ...this.#laneStatus(id) };
    });
  }

  /** Returns whether there is one; what waits for it waits on. */
  switch(urlOrId: string, enabled: boolean, reason: string, by = "code"): boolean {
    argument("setEndpointEnabled", "urlOrId", nonEmptyText, urlOrId);
    argument("setEndpointEnabled", "enabled", flag, enabled);
    argument("setEndpointEnabled", "reason", nonEmptyText, reason);
    const id = this.#options.book.idOf(urlOrId);
    if (id === undefined) return false;
    this.switches.turn(id, enabled ? "on" : "off", reason, by);
    return true;
  }

  /** Switches off an endpoint that asked for it or failed for too long, and announces it to the others. */
  disable({ endpointId, reason, eventTypes }: DisableCause): void {
    const { book, intake, now } = this.#options;
    if (!this.switches.turn(endpointId, "off", reason, "receiver")) return;
    // An endpoint whose last attempt carried this very event is not announced: one such event could cause the next.
    if (eventTypes.includes(endpointDisabledType)) return;
    const failingSince = new Date(book.missingSince(endpointId) ?? now()).toISOString();
    const data = { endpoint_id: endpointId, reason, failing_since: failingSince };
    intake.announce("delivery", endpointDisabledType, data);
  }

  scheduleOf(urlOrId: string): readonly PlannedAttempt[] | undefined {
    const { book } = this.#options;
    const route = book.get(book.idOf(urlOrId) ?? "");
    return route && scheduleOf(route.endpoint);
  }

  /** Tells for every endpoint what became of an event and why; undefined where the event is not known. */
  async explain(eventId: string): Promise<Explanation | undefined> {
    const { outbox, worker } = this.#options;
    if (!worker.isStarted) await this.switches.refresh();
    const record = await outbox.event(eventId);
    return record && explain(record, (endpointId) => this.#standingOf(endpointId));
  }

  /** Undefined where there is no such endpoint. */
  #standingOf(endpointId: string): EndpointStanding | undefined {
    const { book, worker } = this.#options;
    const enabled = book.get(endpointId)?.enabled;
    if (enabled === undefined) return undefined;
    const { status, reason, by } = this.list().find(({ id }) => id === endpointId) ?? {};
    const why = by === undefined ? {} : { why: `by ${by}${reason === undefined ? "" : ` (${reason})`}` };
    const standing = { enabled, paused: status === "paused", ...why };
    const circuit = this.circuitOf(endpointId);
    return worker.isStarted || circuit.state === "open" ? { ...standing, circuit } : standing;
  }

  circuitOf(endpointId: string): Circuit {
    const { worker, now } = this.#options;
    const until = worker.isStarted ? 0 : (this.states.get(endpointId)?.circuitUntil ?? 0);
    // Where this process does not deliver, the store knows.
    if (until > now()) return { state: "open", openings: 1, until };
    return worker.lane(endpointId)?.circuit ?? closedCircuit;
  }

  /** For the gauges. */
  *lanes(): Iterable<LaneState> {
    for (const { endpoint, enabled } of this.#options.book.routes()) {
      const inFlight = this.#options.worker.lane(endpoint.id)?.inFlight ?? 0;
      const circuitState = circuitNumbers[this.circuitOf(endpoint.id).state];
      yield {
        endpointId: endpoint.id,
        inFlight,
        concurrencyLimit: endpoint.concurrency,
        circuitState,
        enabled,
      };
    }
  }

  #begin(endpoint: Endpoint, reason: string): void {
    const { book, worker, logger } = this.#options;
    for (const { is, remedy } of endpoint.secrets.flatMap(doubtsOf)) {
      const message = `A secret of endpoint \`${endpoint.id}\` ${is}. ${remedy}.`;
      logger.warn({ endpoint: endpoint.id }, message);
    }
    const enabled = book.get(endpoint.id)?.enabled ?? endpoint.enabled;
    worker.putEndpoint(endpoint, enabled);
    this.#changed(endpoint.id, enabled, reason);
    worker.wake(endpoint.id);
  }

  /** It is out of the book: nothing more comes for it. */
  #end(id: string, bury: boolean): void {
    this.#options.worker.removeEndpoint(id, bury);
    this.#changed(id, false, "removed");
    if (bury) void this.#burial.of(id);
  }

  #changed(endpointId: string, enabled: boolean, reason: string): void {
    this.#options.host.refresh();
    this.#options.lifecycle.endpointChanged({ endpointId, enabled, reason });
  }

  #laneStatus(endpointId: string): Pick<EndpointStatus, "inFlight" | "failingSince" | "circuitUntil"> {
    const { book, worker } = this.#options;
    const circuit = this.circuitOf(endpointId);
    const failingSince = book.missingSince(endpointId) ?? worker.failingSince(endpointId);
    return {
      inFlight: worker.lane(endpointId)?.inFlight ?? 0,
      ...(failingSince === undefined ? {} : { failingSince }),
      ...(circuit.state === "open" ? { circuitUntil: circuit.until } : {}),
    };
  }
}
