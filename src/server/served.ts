/** What the server needs of the manager that it serves. */
import type { Logger } from "../event/logger.ts";
import type { WebhookManager } from "../manager/manager.ts";
import type { Activity } from "../telemetry/activity.ts";

export type Served = Pick<
  WebhookManager,
  | "registry"
  | "ready"
  | "isEnabled"
  | "triggerEvent"
  | "getEndpoints"
  | "setEndpointEnabled"
  | "enableEndpoint"
  | "status"
  | "find"
  | "get"
  | "explain"
  | "replay"
>;

/** What a manager gives its server beyond what it shows to everybody. */
export interface ServedParts {
  readonly activity: Activity;
  readonly logger: Logger;
  readonly settings: { readonly maxBodyBytes: number };
}
