/** The keys and values that the manager's own calls take. */
import type { DeliveryQuery } from "../event/delivery.ts";
import {
  checkKeys,
  checkObject,
  flag,
  oneOf,
  type Rules,
  text,
  texts,
  time,
  wholeFrom,
} from "../event/check-object.ts";
import type { WebhookManagerOptions } from "./manager-options.ts";
import type { ReplaySelection } from "../outbox/outbox.ts";

const conditions: Rules<Omit<DeliveryQuery, "state" | "cursor">> = {
  eventId: text,
  endpointId: text,
  eventType: text,
  since: time,
  until: time,
  limit: wholeFrom(1),
};

const queryRules: Rules<DeliveryQuery> = {
  ...conditions,
  state: oneOf(["pending", "delivering", "delivered", "dead"]),
  cursor: text,
};

const selectionRules: Rules<ReplaySelection> = {
  ...conditions,
  state: oneOf(["dead", "delivered"]),
  deliveryIds: texts,
  dryRun: flag,
};

const managerKeys: { readonly [Key in keyof WebhookManagerOptions]-?: true } = {
  endpoints: true,
  plugins: true,
  enabled: true,
  timeout: true,
  maxRetries: true,
  secret: true,
  outbox: true,
  eventTypes: true,
  network: true,
  maxBodyBytes: true,
  retention: true,
  maxInFlight: true,
  maxSockets: true,
  background: true,
  config: true,
  now: true,
  random: true,
  logger: true,
  registry: true,
  tracerProvider: true,
};

/** Throws CONFIG_INVALID. */
export function checkQuery(query: DeliveryQuery): void {
  checkObject("`find()`", query, queryRules);
}

/** Throws CONFIG_INVALID. */
export function checkSelection(selection: ReplaySelection): void {
  checkObject("`replay()`", selection, selectionRules);
}

/** Throws CONFIG_INVALID for an unknown key. */
export function checkManagerKeys(options: WebhookManagerOptions): void {
  checkKeys("`new WebhookManager()`", options, Object.keys(managerKeys));
}
