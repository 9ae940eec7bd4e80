/** The order of the story: bus → plugin → router → outbox → lane → attempt → settle. Nobody else knows it. */
import { randomUUID } from "node:crypto";
import { Bus } from "./bus/bus.ts";
import type { Worker } from "./delivery/worker.ts";
import type { Endpoint } from "./event/endpoint.ts";
import { WebhookError } from "./event/errors.ts";
import type { Logger } from "./event/logger.ts";
import { createWebhookEvent, serializeEvent, type WebhookEvent } from "./event/webhook-event.ts";
import type { NewDelivery, Outbox, OutboxEvent } from "./outbox/outbox.ts";
import { Host } from "./plugin/host.ts";
import type { EndpointBook } from "./routing/endpoint-book.ts";
import { EventHandlers } from "./routing/event-handlers.ts";
import type { Lifecycle } from "./telemetry/lifecycle.ts";
import type { Tracing } from "./telemetry/trace-contract.ts";

export interface Triggered {
  /** The event's id: the `webhook-id` of all its deliveries. */
  readonly id: string;
  /** Ids of its deliveries, one for each endpoint that gets it. */
  readonly deliveries: readonly string[];
}

export interface PipelineOptions {
  readonly endpoints: EndpointBook;
  readonly lifecycle: Required<Lifecycle>;
  readonly tracing: Tracing;
  readonly logger: Logger;
  readonly now: () => number;
  readonly maxBodyBytes: number;
}

/** Events that may be on their way into a slow outbox before instrumented ones are dropped and counted. */
const maxStoring = 10_000;

export class Pipeline {
  readonly bus: Bus;
  readonly host: Host;
  readonly handlers: EventHandlers;
  /** Names this process in stored events, to tell its own from those of others. */
  readonly origin = randomUUID();
  /** Set once the configuration is read. */
  outbox: Outbox | undefined;
  /** Set by the start: before it, deliveries wait in the outbox. */
  worker: Worker | undefined;
  /** Whether events are taken. */
  open = true;
  readonly #options: PipelineOptions;
  /** Events on their way into the outbox. */
  readonly #storing = new Set<Promise<unknown>>();

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { lifecycle, logger } = options;
    this.handlers = new EventHandlers(logger);
    this.bus = new Bus(({ owner, topic, error }) =>
      lifecycle.pluginFailed({ plugin: owner, during: `listen ${topic}`, error }),
    );
    this.host = new Host({
      bus: this.bus,
      lifecycle,
      logger,
      wantsType: (type) => this.#wants(type),
      emit: (plugin, draft) => this.#emit(plugin, draft),
    });
  }

  /** Resolves when nothing is on its way into the outbox. */
  async stored(): Promise<void> {
    await Promise.allSettled(this.#storing);
  }

  /** Routes, stores and hands over an event; resolves when it is stored. `source` is a plugin's name, or `api`. */
  async publish(source: string, event: WebhookEvent): Promise<Triggered> {
    const { endpoints, lifecycle, tracing, now, maxBodyBytes } = this.#options;
    const { id, event_type: type } = event;
    const routing = endpoints.table.route(event);
    if (source !== "api" && routing.endpoints.length === 0) {
      this.handlers.call(event);
      return { id, deliveries: [] };
    }
    const body = serializeEvent(event, maxBodyBytes);
    const span = tracing.startPublish({ eventId: id, eventType: type, source });
    lifecycle.published({ eventId: id, eventType: type, source, ...traceOf(span) });
    const stored = {
      id,
      type,
      source,
      body,
      createdAt: now(),
      origin: this.origin,
      decisions: routing.decisions,
    };
    try {
      const deliveries = await this.#store({ ...stored, ...span.carrier }, routing.endpoints, event);
      span.end();
      return { id, deliveries };
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  async #store(stored: OutboxEvent, endpoints: readonly Endpoint[], event: WebhookEvent): Promise<string[]> {
    const deliveries = endpoints.map((endpoint) => this.#newDelivery(stored, endpoint));
    const claimed = new Set<string>();
    try {
      const [answer] = await this.#track((this.outbox as Outbox).put([{ event: stored, deliveries }]));
      if (answer?.accepted === true) {
        for (const claim of answer.claims) claimed.add(claim.id);
        this.worker?.accept(answer.claims);
        const { id: eventId, type: eventType } = stored;
        this.#options.lifecycle.stored({ eventId, eventType, deliveries: deliveries.length });
        this.handlers.call(event);
      }
    } finally {
      this.#handOver(deliveries, claimed);
    }
    return deliveries.map((delivery) => delivery.id);
  }

  /** Asks the lane for a place, so that the delivery need not be read back from the outbox. */
  #newDelivery({ id, createdAt }: OutboxEvent, endpoint: Endpoint): NewDelivery {
    const claim = this.worker?.lane(endpoint.id)?.reserve() ?? false;
    return { id: `dlv_${id}_${endpoint.key}`, endpointId: endpoint.id, dueAt: createdAt, claim };
  }

  /** Gives back the places of deliveries that the outbox did not claim, and wakes their lanes. */
  #handOver(deliveries: readonly NewDelivery[], claimed: ReadonlySet<string>): void {
    for (const { id, endpointId, claim } of deliveries) {
      if (claimed.has(id)) continue;
      if (claim === true) this.worker?.lane(endpointId)?.forgo();
      this.worker?.wake(endpointId);
    }
  }

  /** Takes a translated event of a plugin: it is nobody's call, so what fails is counted and logged. */
  #emit(plugin: string, draft: { readonly type: string; readonly data: unknown }): void {
    const { lifecycle, logger, now } = this.#options;
    // What an event handler's components do must not become events again.
    if (this.handlers.calling) return lifecycle.dropped({ source: plugin, reason: "loop", count: 1 });
    if (this.outbox === undefined || this.#storing.size >= maxStoring) {
      return lifecycle.dropped({ source: plugin, reason: "outbox_failed", count: 1 });
    }
    const event = createWebhookEvent({ type: draft.type, data: draft.data, occurredAt: now() });
    this.publish(plugin, event).catch((error: unknown) => {
      const invalid =
        WebhookError.is(error, "DATA_UNSERIALISABLE") || WebhookError.is(error, "DATA_TOO_LARGE");
      lifecycle.dropped({ source: plugin, reason: invalid ? "data_invalid" : "outbox_failed", count: 1 });
      logger.warn({ err: error, source: plugin, event_type: draft.type }, "event dropped");
    });
  }

  #wants(type: string): boolean {
    return this.open && (this.#options.endpoints.table.wants(type) || this.handlers.wants(type));
  }

  #track<Result>(storing: Promise<Result>): Promise<Result> {
    this.#storing.add(storing);
    const forget = (): boolean => this.#storing.delete(storing);
    storing.then(forget, forget);
    return storing;
  }
}

function traceOf(span: { readonly traceId?: string }): { traceId?: string } {
  return span.traceId === undefined ? {} : { traceId: span.traceId };
}
