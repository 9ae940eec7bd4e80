/** What the server needs of the manager that it serves. */
import type { AttemptPage, AttemptQuery, Delivery, DeliveryPage, DeliveryQuery } from "../event/delivery.ts";
import type { Logger } from "../event/logger.ts";
import type { EndpointControl } from "../manager/endpoint-control.ts";
import type { EndpointStatus } from "../manager/endpoints.ts";
import type { Triggered } from "../manager/intake.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";
import type { EndpointInfo } from "../routing/endpoint-book.ts";
import type { Explanation } from "../routing/explain.ts";
import type { Activity } from "../telemetry/activity.ts";
import type { Metrics } from "../telemetry/metrics/metrics.ts";

/** The methods of a manager, under the names they have there. */
export interface Served {
  readonly registry: Metrics["registry"];
  ready(): Promise<void>;
  isEnabled(): boolean;
  triggerEvent(type: string, data: unknown, options?: { readonly id?: string }): Promise<Triggered>;
  getEndpoints(): EndpointInfo[];
  setEndpointEnabled(urlOrId: string, enabled: boolean, reason?: string): boolean;
  enableEndpoint(
    urlOrId: string,
    options?: { readonly replay?: boolean },
  ): Promise<readonly string[] | undefined>;
  readonly endpoints: EndpointControl;
  sendNow(deliveryId: string, by?: string): Promise<void>;
  cancel(deliveryId: string, reason?: string, by?: string): Promise<void>;
  status(): Promise<EndpointStatus[]>;
  find(query: DeliveryQuery): Promise<DeliveryPage>;
  attempts(query: AttemptQuery): Promise<AttemptPage>;
  get(deliveryId: string): Promise<Delivery | undefined>;
  explain(eventId: string): Promise<Explanation | undefined>;
  replay(selection: ReplaySelection): Promise<readonly string[]>;
}

/** What a manager gives its server beyond what it shows to everybody. */
export interface ServedParts {
  readonly activity: Activity;
  readonly logger: Logger;
  readonly settings: { readonly maxBodyBytes: number };
}
