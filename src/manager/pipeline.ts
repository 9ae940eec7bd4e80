/** The order of the story: bus → plugin → router → outbox → lane → attempt → settle. Nobody else knows it. */
import { randomUUID } from "node:crypto";
import { Bus } from "../bus/bus.ts";
import type { Lane } from "../delivery/lane/lane.ts";
import type { Worker } from "../delivery/worker.ts";
import { describeErrorWithMessage } from "../event/describe-error.ts";
import { WebhookError } from "../event/errors.ts";
import { asOwnWork, isOwnWork } from "../event/own-work.ts";
import type { Logger } from "../event/logger.ts";
import { createWebhookEvent, serializeEvent, type WebhookEvent } from "../event/webhook-event.ts";
import type { Claim, NewDelivery, Outbox, Submission } from "../outbox/outbox.ts";
import { Host } from "../plugin/host.ts";
import type { EventDraft } from "../plugin/volume.ts";
import type { EndpointBook } from "../routing/endpoint-book.ts";
import { EventHandlers } from "../routing/event-handlers.ts";
import { transform } from "../routing/transform.ts";
import type { Lifecycle } from "../telemetry/lifecycle.ts";
import type { PublishSpan, Tracing } from "../telemetry/trace-contract.ts";

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
  readonly submission: Submission;
  /** For each delivery the lane that promised it a place. */
  readonly places: readonly (Lane | undefined)[];
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
    this.#emit("api", { type: "error.occurred", data: { ...describeErrorWithMessage(error), context } });
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
    const routed = this.#route(source, event, this.worker);
    if (routed === undefined) return { id: event.id, deliveries: [] };
    const { submission, places, span } = routed;
    let claims: readonly Claim[] = [];
    try {
      const putting = (this.outbox as Outbox).put([submission]);
      this.#storing.set(submission, putting);
      const [answer] = await putting;
      if (answer?.accepted === true) {
        claims = answer.claims;
        this.#accepted(submission, event);
      }
      span.end();
      return { id: event.id, deliveries: submission.deliveries.map((delivery) => delivery.id) };
    } catch (error) {
      span.end(error);
      throw error;
    } finally {
      this.#storing.delete(submission);
      this.#handOver(submission.deliveries, places, claims);
    }
  }

  /** Has stored when it returns, because what comes after may never run. */
  #publishNow(source: string, event: WebhookEvent, outbox: Outbox): void {
    const routed = this.#route(source, event, undefined);
    if (routed === undefined) return;
    const { submission, places, span } = routed;
    try {
      outbox.putSync?.([submission]);
      span.end();
    } catch (error) {
      span.end(error);
      throw error;
    }
    this.#accepted(submission, event);
    // A program with an `uncaughtException` listener of its own goes on.
    this.#handOver(submission.deliveries, places, []);
  }

  /**
   * Decides who gets the event, writes its body and starts its span; nothing where no endpoint wants a plugin's event.
   * Asks the lanes of the worker for places, so that what gets one need not be read back from the outbox.
   */
  #route(source: string, event: WebhookEvent, worker: Worker | undefined): Routed | undefined {
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
    const { decisions, contents } = routing;
    const { origin } = this;
    const createdAt = now();
    const stored = { id, type, source, body, createdAt, origin, decisions, ...span.carrier };
    const places: (Lane | undefined)[] = [];
    const deliveries = routing.endpoints.map(({ id: endpointId, key }): NewDelivery => {
      const place = worker?.reserve(endpointId);
      places.push(place);
      const delivery = { id: `dlv_${id}_${key}`, endpointId, dueAt: createdAt, claim: place !== undefined };
      const content = contents.get(endpointId);
      return content === undefined ? delivery : { ...delivery, content };
    });
    return { submission: { event: stored, deliveries }, places, span };
  }

  #accepted({ event: { type }, deliveries }: Submission, event: WebhookEvent): void {
    this.#options.lifecycle.stored({ eventId: event.id, eventType: type, deliveries: deliveries.length });
    this.handlers.call(event);
  }

  /** Gives claims to the lanes that promised a place, takes the other places back, and wakes the lanes of what waits. */
  #handOver(
    deliveries: readonly NewDelivery[],
    places: readonly (Lane | undefined)[],
    claims: readonly Claim[],
  ): void {
    // Outboxes answer in the order of the deliveries as a rule.
    let next = 0;
    for (const [index, { id, endpointId }] of deliveries.entries()) {
      const place = places[index];
      if (place !== undefined) {
        const claim = claims[next]?.id === id ? claims[next] : claims.find((granted) => granted.id === id);
        if (claim !== undefined) {
          next += 1;
          this.worker?.accept(place, claim);
          continue;
        }
        this.worker?.forgo(place);
      }
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

function traceOf(span: { readonly traceId?: string }): { traceId?: string } {
  return span.traceId === undefined ? {} : { traceId: span.traceId };
}

/** A held event keeps no process alive: `close` lets go of it. */
function afterDelay(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
