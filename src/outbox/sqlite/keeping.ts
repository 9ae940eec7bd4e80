/** What the SQLite outbox does for single deliveries and endpoints: short reads and writes, each plain data in and plain data out. */
import type { Delivery } from "../../event/delivery.ts";
import type { WebhookError } from "../../event/errors.ts";
import type {
  Ended,
  EndpointCounts,
  EndpointState,
  EventRecord,
  Intervened,
  LateDelivery,
  MissedPage,
  Outbox,
  StateChange,
  StoredEndpoint,
} from "../outbox.ts";
import type { SqliteSession } from "./store.ts";

export abstract class SqliteKeeping {
  protected abstract readonly maxDeliveries: number;
  protected abstract readonly now: () => number;
  /** Throws CLOSED, and what opening the file throws. */
  protected abstract read<Result>(run: (session: SqliteSession) => Result): Result;
  /** Runs something in the next transaction. */
  protected abstract write<Result>(run: (session: SqliteSession) => Result | WebhookError): Promise<Result>;

  async get(deliveryId: string): Promise<Delivery | undefined> {
    return this.read(({ reads }) => reads.deliveryById(deliveryId));
  }

  async event(eventId: string): Promise<EventRecord | undefined> {
    return this.read(({ reads }) => reads.event(eventId));
  }

  async counts(): Promise<readonly EndpointCounts[]> {
    return this.read(({ reads }) => reads.counts(this.now()));
  }

  async expire(): Promise<readonly Ended[]> {
    return this.write(({ hands }) => hands.expire(this.now()));
  }

  async sendNow(deliveryId: string, by: string): Promise<Intervened> {
    return this.write(({ hands }) => hands.sendNow(deliveryId, { action: "send", by, at: this.now() }));
  }

  async cancel(deliveryId: string, by: string, reason?: string): Promise<Intervened> {
    const why = reason === undefined ? {} : { reason };
    const asked = { action: "cancel", by, at: this.now(), ...why } as const;
    return this.write(({ hands }) => hands.cancel(deliveryId, asked));
  }

  async missed(endpointId: string, page: Parameters<Outbox["missed"]>[1]): Promise<MissedPage> {
    return this.read(({ hands }) => hands.missed(endpointId, page));
  }

  async add(deliveries: readonly LateDelivery[]): Promise<number> {
    return this.write(({ hands }) => hands.add(deliveries, this.maxDeliveries));
  }

  async states(): Promise<readonly EndpointState[]> {
    return this.read(({ shelf }) => shelf.states());
  }

  async saveState(endpointId: string, change: StateChange): Promise<EndpointState> {
    return this.write(({ shelf }) => shelf.saveState(endpointId, change));
  }

  async loadEndpoints(): Promise<readonly StoredEndpoint[]> {
    return this.read(({ shelf }) => shelf.endpoints());
  }

  async saveEndpoint(endpoint: StoredEndpoint): Promise<void> {
    await this.write(({ shelf }) => shelf.saveEndpoint(endpoint));
  }

  async removeEndpoint(endpointId: string): Promise<boolean> {
    return this.write(({ shelf }) => shelf.removeEndpoint(endpointId));
  }
}
