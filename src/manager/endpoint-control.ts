/** `webhooks.endpoints`: pauses, resumes, switches off and on, and brings back what an endpoint missed. */
import { WebhookError } from "../event/errors.ts";
import { deliveryPrefixOf, type WebhookEvent } from "../event/webhook-event.ts";
import type { LateDelivery, Outbox, OutboxEvent } from "../outbox/outbox.ts";
import { replayMissed } from "../outbox/replay-missed.ts";
import type { EndpointBook } from "../routing/endpoint-book.ts";
import { RoutingTable } from "../routing/routing-table.ts";
import { transform } from "../routing/transform.ts";
import { enabling, nonEmptyText } from "../settings/calls.ts";
import { argument } from "../settings/check.ts";
import type { Worker } from "../delivery/worker.ts";
import { boundsOf } from "./bounds.ts";
import type { Endpoints } from "./endpoints.ts";

/** What an endpoint gets again, or without `replay` would get. */
export interface Enabled {
  /** Deliveries that died since its last success. */
  readonly replayed: number;
  /** Events that came while it was off, and were not stored for it. */
  readonly missed: number;
}

/** The same, with the ids. */
export interface EnabledIds {
  readonly replayed: readonly string[];
  readonly missed: readonly string[];
}

export interface EndpointControlOptions {
  readonly book: EndpointBook;
  readonly endpoints: Endpoints;
  readonly outbox: Outbox;
  readonly worker: Worker;
  readonly maxBodyBytes: number;
  readonly now: () => number;
}

const pageSize = 200;

export class EndpointControl {
  readonly #options: EndpointControlOptions;

  constructor(options: EndpointControlOptions) {
    this.#options = options;
  }

  /** Lets its events wait, also those that come. Rejects with ENDPOINT_UNKNOWN. */
  async pause(id: string, reason = "by hand", by = "code"): Promise<void> {
    await this.#turn("pause", id, "paused", reason, by);
  }

  /** Delivers again, what waited first. Rejects with ENDPOINT_UNKNOWN. */
  async resume(id: string, by = "code"): Promise<void> {
    const { book } = this.#options;
    const known = this.#known("resume", id);
    if (book.statusOf(known) === "paused") await this.#turn("resume", known, "on", "by hand", by);
  }

  /** Switches off: events that come are not stored for it, until it is enabled. Rejects with ENDPOINT_UNKNOWN. */
  async disable(id: string, reason = "by hand", by = "code"): Promise<void> {
    await this.#turn("disable", id, "off", reason, by);
  }

  /**
   * Switches on. With `replay` it gets what died since its last success, and the events that came while it was off.
   * Returns how many of each; without `replay` how many it would be. Rejects with ENDPOINT_UNKNOWN.
   */
  async enable(id: string, options: { readonly replay?: boolean } = {}): Promise<Enabled> {
    const { replayed, missed } = await this.enableWithIds(this.#known("enable", id), options);
    return { replayed: replayed.length, missed: missed.length };
  }

  /** Before it is switched on, so that a store that fails leaves it as it was, to be tried again. */
  async enableWithIds(id: string, options: { readonly replay?: boolean }, by = "code"): Promise<EnabledIds> {
    const { replay = false } = argument("enable", "options", enabling, options);
    const { book, endpoints, outbox, worker } = this.#options;
    const missed = await this.#bringBack(id, !replay);
    const replayed = await replayMissed(outbox, id, book.missingSince(id), !replay);
    endpoints.switches.turn(id, "on", "by hand", by);
    await endpoints.states.written();
    worker.wake(id);
    return { replayed, missed };
  }

  /** As `enableEndpoint` has it: nothing is counted that was not asked for. */
  async enableByUrl(
    urlOrId: string,
    options: { readonly replay?: boolean },
  ): Promise<readonly string[] | undefined> {
    argument("enableEndpoint", "urlOrId", nonEmptyText, urlOrId);
    const { replay = false } = argument("enableEndpoint", "options", enabling, options);
    const { book, endpoints, worker } = this.#options;
    const id = book.idOf(urlOrId);
    if (id === undefined) return undefined;
    if (replay) {
      const { replayed, missed } = await this.enableWithIds(id, { replay });
      return [...replayed, ...missed];
    }
    endpoints.switches.turn(id, "on", "by hand", "code");
    worker.wake(id);
    return [];
  }

  async #turn(
    method: string,
    given: string,
    status: "on" | "paused" | "off",
    reason: string,
    by: string,
  ): Promise<void> {
    const { endpoints } = this.#options;
    const id = this.#known(method, given);
    endpoints.switches.turn(id, status, argument(method, "reason", nonEmptyText, reason), by);
    await endpoints.states.written();
  }

  #known(method: string, given: string): string {
    const id = this.#options.book.idOf(argument(method, "id", nonEmptyText, given));
    if (id === undefined) throw new WebhookError("ENDPOINT_UNKNOWN", `There is no endpoint \`${given}\``);
    return id;
  }

  /** Adds deliveries of what the endpoint would have got. Returns their ids. */
  async #bringBack(id: string, dryRun: boolean): Promise<string[]> {
    const { outbox } = this.#options;
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await outbox.missed(id, { limit: pageSize, ...(cursor === undefined ? {} : { cursor }) });
      const late = page.events.flatMap((event) => this.#lateOf(id, event));
      if (!dryRun && late.length > 0) await outbox.add(late);
      for (const { delivery } of late) ids.push(delivery.id);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return ids;
  }

  /** Empty where its types or its filter would have kept the event from it. */
  #lateOf(id: string, { id: eventId, body }: OutboxEvent): LateDelivery[] {
    const { book, maxBodyBytes, now } = this.#options;
    const endpoint = book.get(id)?.endpoint;
    if (endpoint === undefined) return [];
    const event: WebhookEvent = { ...(JSON.parse(String(body)) as WebhookEvent), id: eventId };
    const routing = new RoutingTable([{ endpoint, enabled: true }]).route(event);
    if (routing.endpoints.length === 0) return [];
    const { contents, endpoints: routed = [] } = routing.transforms
      ? transform(routing, event, maxBodyBytes, body)
      : { contents: undefined, endpoints: routing.endpoints };
    if (routed.length === 0) return [];
    const at = now();
    const content = contents?.get(id);
    const { limits: _, ...bounds } = boundsOf(endpoint, event, at, {});
    const delivery = {
      ...{ id: `${deliveryPrefixOf(eventId)}_${endpoint.key}`, endpointId: id, dueAt: at, ...bounds },
      ...(content === undefined ? {} : { content }),
    };
    return [{ eventId, delivery }];
  }
}
