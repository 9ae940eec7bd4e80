/** What bounds a new delivery: the limits of its endpoint, the order it keeps, and when it is not worth sending any more. */
import type { Endpoint } from "../event/endpoint.ts";
import { orderKeyOf } from "../event/order-key.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";
import type { NewDelivery } from "../outbox/outbox.ts";

export function boundsOf(
  { limits, orderBy, maxAgeMs }: Endpoint,
  event: WebhookEvent,
  createdAt: number,
  { expiresAt }: { readonly expiresAt?: number },
): Pick<NewDelivery, "limits" | "orderKey" | "expiresAt"> {
  const orderKey = orderBy === undefined ? undefined : orderKeyOf(event, orderBy);
  const none = Number.POSITIVE_INFINITY;
  const endsAt = Math.min(expiresAt ?? none, maxAgeMs === undefined ? none : createdAt + maxAgeMs);
  return {
    ...(limits === undefined ? {} : { limits }),
    ...(orderKey === undefined ? {} : { orderKey }),
    ...(endsAt === none ? {} : { expiresAt: Math.round(endsAt) }),
  };
}
