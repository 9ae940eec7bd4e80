/** The order of the story: bus → plugin → router → outbox → lane → attempt → settle. Nobody else knows it. */
import { randomUUID } from "node:crypto";
import { Bus } from "./bus/bus.ts";
import type { Lane } from "./delivery/lane.ts";
import type { Worker } from "./delivery/worker.ts";
import { describeError } from "./event/describe-error.ts";
import { WebhookError } from "./event/errors.ts";
import { asOwnWork, isOwnWork } from "./event/own-work.ts";
import type { Logger } from "./event/logger.ts";
import { createWebhookEvent, serializeEvent, type WebhookEvent } from "./event/webhook-event.ts";
import type { Claim, NewDelivery, Outbox, OutboxEvent, Submission } from "./outbox/outbox.ts";
import { Host } from "./plugin/host.ts";
import type { EventDraft } from "./plugin/volume.ts";
import type { EndpointBook } from "./routing/endpoint-book.ts";
import { EventHandlers } from "./routing/event-handlers.ts";
import { transform } from "./routing/transform.ts";
import type { Lifecycle } from "./telemetry/lifecycle.ts";
import type { PublishSpan, Tracing } from "./telemetry/trace-contract.ts";

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
  readonly random: () => number;
  readonly maxBodyBytes: number;
}

interface Routed {
  readonly stored: OutboxEvent;
  readonly deliveries: readonly NewDelivery[];
  readonly span: PublishSpan;
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
  readonly #storing = new Map<Submission, Promise<unknown>>();
  /** Errors that were reported while the error plugin was not in use. */
  readonly #reported = new WeakSet<object>();

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { lifecycle, logger, now, random } = options;
    this.handlers = new EventHandlers(logger);
    this.bus = new Bus(({ owner, topic, error }) =>
      lifecycle.pluginFailed({ plugin: owner, during: `listen ${topic}`, error }),
    );
    this.host = new Host({
      bus: this.bus,
      lifecycle,
      logger,
      now,
      random,
      after: afterDelay,
      wantsType: (type) => this.#wants(type),
      emit: (plugin, draft) => this.#emit(plugin, draft),
    });
  }

  /** Resolves when nothing is on its way into the outbox. */
  async stored(): Promise<void> {
    await Promise.allSettled(this.#storing.values());
  }

  /** Stores what is on its way once more, at once: an event that is stored already is not stored again. */
  storeNow(): void {
    try {
      this.outbox?.putSync?.(
        [...this.#storing.keys()].map(({ event, deliveries }) => ({
          event,
          // Nobody is left to deliver what this process would claim.
          deliveries: deliveries.map((delivery) => ({ ...delivery, claim: false })),
        })),
      );
    } catch (error) {
      this.#options.logger.error({ err: error }, "events were lost at the end of the process");
    }
  }

  /** Routes, stores and hands over an event; resolves when it is stored. `source` is a plugin's name, or `api`. */
  publish(source: string, event: WebhookEvent): Promise<Triggered> {
    return asOwnWork(() => this.#publish(source, event));
  }

  /** Tells the error plugin; without it, the event is made here, once for every error object. */
  reportError(error: unknown, context: Readonly<Record<string, unknown>>): void {
    if (this.host.has("error")) return this.bus.publish("error:reported", { error, context });
    if (typeof error === "object" && error !== null) {
      if (this.#reported.has(error)) return;
      this.#reported.add(error);
    }
    if (!this.#wants("error.occurred")) return;
    this.#emit("api", { type: "error.occurred", data: { ...describeError(error), context } });
  }

  /** Publishes an event of our own, where anybody wants it: that is nobody's call, so what fails is counted. */
  announce(source: string, type: string, data: unknown): void {
    if (!this.#wants(type)) return;
    const { lifecycle, now } = this.#options;
    this.publish(source, createWebhookEvent({ type, data, occurredAt: now() })).catch((error: unknown) =>
      lifecycle.dropped({ source, reason: "outbox_failed", count: 1, error }),
    );
  }

  async #publish(source: string, event: WebhookEvent): Promise<Triggered> {
    const routed = this.#route(source, event);
    if (routed === undefined) return { id: event.id, deliveries: [] };
    const { stored, deliveries, span } = routed;
    try {
      await this.#store(stored, deliveries, event);
      span.end();
      return { id: event.id, deliveries: deliveries.map((delivery) => delivery.id) };
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  /** Has stored when it returns, because what comes after may never run. */
  #publishNow(source: string, event: WebhookEvent, outbox: Outbox): void {
    const routed = this.#route(source, event);
    if (routed === undefined) return;
    const { stored, deliveries, span } = routed;
    try {
      outbox.putSync?.([{ event: stored, deliveries }]);
      span.end();
    } catch (error) {
      span.end(error);
      throw error;
    }
    this.#options.lifecycle.stored({
      eventId: event.id,
      eventType: stored.type,
      deliveries: deliveries.length,
    });
    this.handlers.call(event);
    // A program with an `uncaughtException` listener of its own goes on.
    this.#handOver(deliveries, [], []);
  }

  /** Decides who gets the event, writes its body and starts its span; nothing where no endpoint wants a plugin's event. */
  #route(source: string, event: WebhookEvent): Routed | undefined {
    const { endpoints, lifecycle, tracing, now, maxBodyBytes } = this.#options;
    const { id, event_type: type } = event;
    const candidates = endpoints.table.route(event);
    if (source !== "api" && candidates.endpoints.length === 0) {
      this.handlers.call(event);
      return undefined;
    }
    const body = serializeEvent(event, maxBodyBytes);
    const routing = transform(candidates, event, maxBodyBytes);
    for (const failure of routing.failures) {
      lifecycle.dropped({ source, reason: "transform_failed", count: 1, ...failure });
    }
    const span = tracing.startPublish({ eventId: id, eventType: type, source });
    lifecycle.published({ eventId: id, eventType: type, source, ...traceOf(span) });
    const { decisions } = routing;
    const { origin } = this;
    const stored = { id, type, source, body, createdAt: now(), origin, decisions, ...span.carrier };
    const deliveries = routing.endpoints.map((endpoint): NewDelivery => {
      const content = routing.contents.get(endpoint.id);
      const delivery = { id: `dlv_${id}_${endpoint.key}`, endpointId: endpoint.id, dueAt: stored.createdAt };
      return content === undefined ? delivery : { ...delivery, content };
    });
    return { stored, deliveries, span };
  }

  async #store(stored: OutboxEvent, routed: readonly NewDelivery[], event: WebhookEvent): Promise<void> {
    // Asks the lanes for places, so that what gets one need not be read back from the outbox.
    const places = routed.map(({ endpointId }) => this.worker?.reserve(endpointId));
    const deliveries = routed.map((delivery, index) => claimedWhere(delivery, places[index] !== undefined));
    const submission = { event: stored, deliveries };
    let claims: readonly Claim[] = [];
    try {
      const putting = (this.outbox as Outbox).put([submission]);
      this.#storing.set(submission, putting);
      const [answer] = await putting;
      if (answer?.accepted === true) {
        claims = answer.claims;
        const { id: eventId, type: eventType } = stored;
        this.#options.lifecycle.stored({ eventId, eventType, deliveries: routed.length });
        this.handlers.call(event);
      }
    } finally {
      this.#storing.delete(submission);
      this.#handOver(deliveries, places, claims);
    }
  }

  /** Gives claims to the lanes that promised a place, takes the other places back, and wakes the lanes of what waits. */
  #handOver(
    deliveries: readonly NewDelivery[],
    places: readonly (Lane | undefined)[],
    claims: readonly Claim[],
  ): void {
    for (const [index, { id, endpointId }] of deliveries.entries()) {
      const place = places[index];
      const claim = claims.find((granted) => granted.id === id);
      if (place !== undefined && claim !== undefined) {
        this.worker?.accept(place, claim);
        continue;
      }
      place?.forgo();
      if (this.#options.endpoints.get(endpointId) === undefined) this.#bury(endpointId);
      else this.worker?.wake(endpointId);
    }
  }

  /** The endpoint was removed while this was on its way into the outbox. */
  #bury(endpointId: string): void {
    this.outbox
      ?.bury(endpointId, "endpoint removed")
      .catch((error: unknown) =>
        this.#options.logger.warn({ err: error, endpoint: endpointId }, "bury failed"),
      );
  }

  /** Takes a translated event of a plugin: it is nobody's call, so what fails is counted and logged. */
  #emit(plugin: string, { type, data, fatal }: EventDraft): void {
    const { lifecycle, logger, now } = this.#options;
    const failed = (error: unknown): void => {
      const invalid =
        WebhookError.is(error, "DATA_UNSERIALISABLE") || WebhookError.is(error, "DATA_TOO_LARGE");
      lifecycle.dropped({ source: plugin, reason: invalid ? "data_invalid" : "outbox_failed", count: 1 });
      logger.warn({ err: error, source: plugin, event_type: type }, "event dropped");
    };
    if (isOwnWork()) return lifecycle.dropped({ source: plugin, reason: "loop", count: 1 });
    const { outbox } = this;
    const atOnce = fatal === true && outbox?.putSync !== undefined;
    if (outbox === undefined || (!atOnce && this.#storing.size >= maxStoring)) {
      return lifecycle.dropped({ source: plugin, reason: "outbox_failed", count: 1 });
    }
    const event = createWebhookEvent({ type, data, occurredAt: now() });
    if (!atOnce) return void this.publish(plugin, event).catch(failed);
    try {
      asOwnWork(() => this.#publishNow(plugin, event, outbox));
    } catch (error) {
      failed(error);
    }
  }

  #wants(type: string): boolean {
    return this.open && (this.#options.endpoints.table.wants(type) || this.handlers.wants(type));
  }
}

function claimedWhere({ id, endpointId, dueAt, content }: NewDelivery, claim: boolean): NewDelivery {
  return content === undefined ? { id, endpointId, dueAt, claim } : { id, endpointId, dueAt, claim, content };
}

function traceOf(span: { readonly traceId?: string }): { traceId?: string } {
  return span.traceId === undefined ? {} : { traceId: span.traceId };
}

/** A held event keeps no process alive: `close` lets go of it. */
function afterDelay(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
