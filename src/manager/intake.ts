/** Draft → stored: makes the event, decides who gets it, writes its body, stores it, and hands it over. */
import type { Lane } from "../delivery/lane/lane.ts";
import { WebhookError } from "../event/errors.ts";
import { asOwnWork, isOwnWork } from "../event/own-work.ts";
import {
  createWebhookEvent,
  deliveryPrefixOf,
  serializeEvent,
  type WebhookEvent,
} from "../event/webhook-event.ts";
import type { Claim, NewDelivery, Submission } from "../outbox/outbox.ts";
import type { EventDraft } from "../plugin/volume.ts";
import type { Routing } from "../routing/routing-table.ts";
import { transform, type TransformedRouting } from "../routing/transform.ts";
import type { PublishSpan } from "../telemetry/trace-contract.ts";
import { idsStoredFor } from "./duplicate.ts";
import type { ReadTriggering } from "../settings/calls.ts";
import { boundsOf } from "./bounds.ts";
import type { Endpoint } from "../event/endpoint.ts";
import type { IntakeOptions } from "./intake-options.ts";

export interface Triggered {
  /** The event's id: the `webhook-id` of all its deliveries. */
  readonly id: string;
  /** Ids of its deliveries, one for each endpoint that gets it. */
  readonly deliveries: readonly string[];
  /** The event was stored before, under this id: nothing was stored again. */
  readonly duplicate?: true;
}

interface Routed {
  readonly submission: Submission;
  /** For each delivery the lane that promised it a place. */
  readonly places: readonly (Lane | undefined)[];
  readonly span: PublishSpan;
}

type When = Omit<ReadTriggering, "id">;

const atOnce: When = {};

/** Events that may be on their way into a slow outbox before instrumented ones are dropped and counted. */
const maxStoring = 10_000;

export class Intake {
  readonly #options: IntakeOptions;
  #open: boolean;
  /** Events on their way into the outbox. */
  readonly #storing = new Map<Submission, Promise<unknown>>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#open = options.open;
  }

  /** Whether events are taken. */
  get isOpen(): boolean {
    return this.#open;
  }

  setOpen(open: boolean): void {
    this.#open = open;
  }

  /** Tells whether any endpoint or handler wants this event type now. */
  wants(type: string): boolean {
    const { table, handlers } = this.#options;
    return this.#open && (table.wants(type) || (handlers.byPattern.size > 0 && handlers.wants(type)));
  }

  /** Publishes what the program triggers. While events are not taken, it goes to nobody. */
  async trigger(type: string, data: unknown, options: ReadTriggering): Promise<Triggered> {
    const occurredAt = this.#options.now();
    const { id, ...when } = options;
    const event = createWebhookEvent({ type, data, occurredAt, ...(id === undefined ? {} : { id }) });
    return this.#open ? await this.publish("api", event, when) : { id: event.id, deliveries: [] };
  }

  /** Routes, stores and hands over an event; resolves when it is stored. `source` is a plugin's name, or `api`. */
  publish(source: string, event: WebhookEvent, when: When = atOnce): Promise<Triggered> {
    return asOwnWork(() => this.#publish(source, event, when));
  }

  /** Publishes an event of our own, where anybody wants it: that is nobody's call, so what fails is counted. */
  announce(source: string, type: string, data: unknown): void {
    if (!this.wants(type)) return;
    const { lifecycle, now } = this.#options;
    this.publish(source, createWebhookEvent({ type, data, occurredAt: now() })).catch((error: unknown) =>
      lifecycle.dropped({ source, reason: "outbox_failed", count: 1, error }),
    );
  }

  /** Takes a plugin's event: it is nobody's call, so what fails is counted and logged. Never throws. */
  take(plugin: string, { type, data, fatal }: EventDraft): void {
    const { lifecycle, logger, now, outbox } = this.#options;
    const failed = (error: unknown): void => {
      const invalid =
        WebhookError.is(error, "DATA_UNSERIALISABLE") || WebhookError.is(error, "DATA_TOO_LARGE");
      lifecycle.dropped({ source: plugin, reason: invalid ? "data_invalid" : "outbox_failed", count: 1 });
      logger.warn({ err: error, source: plugin, event_type: type }, "event dropped");
    };
    if (isOwnWork()) return lifecycle.dropped({ source: plugin, reason: "loop", count: 1 });
    const putNow = fatal === true ? outbox.putNow : undefined;
    if (!outbox.isOpen || (putNow === undefined && this.#storing.size >= maxStoring)) {
      return lifecycle.dropped({ source: plugin, reason: "outbox_failed", count: 1 });
    }
    const event = createWebhookEvent({ type, data, occurredAt: now() });
    if (putNow === undefined) return void this.publish(plugin, event).catch(failed);
    try {
      asOwnWork(() => this.#publishNow(plugin, event, putNow));
    } catch (error) {
      failed(error);
    }
  }

  /** Resolves when nothing is on its way into the outbox. */
  async stored(): Promise<void> {
    await Promise.allSettled(this.#storing.values());
  }

  /** Stores what is on its way once more, at once: an event that is stored already is not stored again. Never throws. */
  storeNow(): void {
    try {
      this.#options.outbox.putNow?.(
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

  async #publish(source: string, event: WebhookEvent, when: When): Promise<Triggered> {
    const { outbox, handOver } = this.#options;
    const routed = this.#route(source, event, when.transaction === undefined, when);
    if (routed === undefined) return { id: event.id, deliveries: [] };
    const { submission, places, span } = routed;
    let claims: readonly Claim[] = [];
    try {
      const putting = outbox.put([submission], when);
      // A transaction may yet be rolled back.
      if (when.transaction === undefined) this.#storing.set(submission, putting);
      const [answer] = await putting;
      if (answer?.accepted === true) {
        claims = answer.claims;
        this.#accepted(submission, event);
      }
      const again = answer?.accepted === false;
      const ids = again
        ? await idsStoredFor(submission.event, outbox)
        : submission.deliveries.map((delivery) => delivery.id);
      span.end();
      const triggered = { id: event.id, deliveries: ids };
      return again ? { ...triggered, duplicate: true } : triggered;
    } catch (error) {
      span.end(error);
      throw error;
    } finally {
      this.#storing.delete(submission);
      handOver.deliver(submission.deliveries, places, claims);
    }
  }

  /** Has stored when it returns, because what comes after may never run. */
  #publishNow(
    source: string,
    event: WebhookEvent,
    putNow: (submissions: readonly Submission[]) => void,
  ): void {
    const routed = this.#route(source, event, false, atOnce);
    if (routed === undefined) return;
    const { submission, places, span } = routed;
    try {
      putNow([submission]);
      span.end();
    } catch (error) {
      span.end(error);
      throw error;
    }
    this.#accepted(submission, event);
    // A program with an `uncaughtException` listener of its own goes on.
    this.#options.handOver.deliver(submission.deliveries, places, []);
  }

  /**
   * Decides who gets the event, writes its body and starts its span; undefined where no endpoint wants a plugin's
   * event. Asks for places in the lanes, so that what gets one need not be read back from the outbox.
   */
  #route(source: string, event: WebhookEvent, withPlaces: boolean, when: When): Routed | undefined {
    const { table, handlers, handOver, lifecycle, tracing, now, maxBodyBytes, origin } = this.#options;
    const { id, event_type: type } = event;
    if (source !== "api" && !table.wants(type)) {
      if (handlers.wants(type)) handlers.call(event, serializeEvent(event, maxBodyBytes));
      return undefined;
    }
    const body = serializeEvent(event, maxBodyBytes);
    const filtered = table.route(event, body);
    const routing: Routing & Partial<TransformedRouting> = filtered.transforms
      ? transform(filtered, event, maxBodyBytes, body)
      : filtered;
    const { endpoints, decisions, contents, failures } = routing;
    for (const failure of failures) lifecycle.dropped({ source, count: 1, ...failure });
    if (source !== "api" && filtered.endpoints.length === 0) {
      handlers.call(event, body);
      return undefined;
    }
    const span = tracing.startPublish({ eventId: id, eventType: type, source });
    lifecycle.published({ eventId: id, eventType: type, source, ...traceOf(span) });
    const createdAt = now();
    const places: (Lane | undefined)[] = [];
    const prefix = deliveryPrefixOf(id);
    const dueAt = Math.max(createdAt, when.deliverAt ?? createdAt);
    const deliveries = endpoints.map((endpoint): NewDelivery => {
      const { id: endpointId, key } = endpoint;
      const place = withPlaces && dueAt === createdAt ? handOver.reserve(endpointId) : undefined;
      places.push(place);
      const delivery = { id: `${prefix}_${key}`, endpointId, dueAt, claim: place !== undefined };
      const more = isPlain(endpoint, when) ? undefined : boundsOf(endpoint, event, createdAt, when);
      const content = contents?.get(endpointId);
      if (content === undefined && more === undefined) return delivery;
      return { ...delivery, ...more, ...(content === undefined ? {} : { content }) };
    });
    const stored = { id, type, source, body, createdAt, origin, decisions, ...span.carrier };
    return { submission: { event: stored, deliveries }, places, span };
  }

  #accepted({ event: { type, body }, deliveries }: Submission, event: WebhookEvent): void {
    const { lifecycle, handlers } = this.#options;
    lifecycle.stored({ eventId: event.id, eventType: type, deliveries: deliveries.length });
    if (handlers.byPattern.size > 0) handlers.call(event, body);
  }
}

function traceOf(span: { readonly traceId?: string }): { traceId?: string } {
  return span.traceId === undefined ? {} : { traceId: span.traceId };
}

/** Most deliveries are bounded by nothing. */
function isPlain({ limits, maxAgeMs }: Endpoint, { expiresAt }: When): boolean {
  return limits === undefined && maxAgeMs === undefined && expiresAt === undefined;
}
