/** What the memory outbox holds of an event and of its deliveries, and how a record looks from outside. */
import type { Attempt, Delivery, DeliveryState, Intervention } from "../../event/delivery.ts";
import type { DeliveryContent, OutboxEvent } from "../outbox.ts";
import type { Position } from "../position.ts";
import type { Searched } from "../query.ts";

export interface StoredEvent {
  readonly event: OutboxEvent;
  readonly records: DeliveryRecord[];
  /** Position in the order of storing. */
  readonly sequence: number;
}

export interface DeliveryRecord extends Position, Searched {
  readonly id: string;
  readonly stored: StoredEvent;
  readonly content: DeliveryContent | undefined;
  readonly orderKey: string | undefined;
  expiresAt: number | undefined;
  /** It died, and keeps back the others of its order key. */
  holds: boolean;
  interventions: readonly Intervention[] | undefined;
  state: DeliveryState;
  dueAt: number;
  replays: number;
  attempt: number;
  /** Goes up with every change of state: a claim or a place in a list that names an older one is void. */
  version: number;
  reason: string | undefined;
  batch: string | undefined;
  previous: { readonly traceId: string; readonly spanId: string } | undefined;
  attempts: Attempt[];
}

/** An event that no endpoint wanted: kept only so that it can be explained. */
export interface UnroutedEvent {
  readonly stored: StoredEvent;
  readonly dueAt: number;
  readonly sequence: number;
}

/** `behind` is the delivery of its order key that must end first. */
export function deliveryOf(record: DeliveryRecord, behind?: DeliveryRecord): Delivery {
  return {
    id: record.id,
    eventId: record.stored.event.id,
    eventType: record.eventType,
    endpointId: record.endpointId,
    state: record.state,
    createdAt: record.createdAt,
    dueAt: record.dueAt,
    replays: record.replays,
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    ...(record.expiresAt === undefined ? {} : { expiresAt: record.expiresAt }),
    ...(record.orderKey === undefined ? {} : { orderKey: record.orderKey }),
    ...(behind === undefined ? {} : { behind: behind.id }),
    ...(record.interventions === undefined ? {} : { interventions: record.interventions }),
    attempts: [...record.attempts],
  };
}

/** A retry or a replay, as opposed to the first attempt of a delivery that just came. */
export function isRepeated(record: DeliveryRecord): boolean {
  return record.attempt > 1 || record.replays > 0;
}
