/** Sends or cancels one delivery on somebody's word. */
import { WebhookError } from "../event/errors.ts";
import { cancelledReason } from "../outbox/reasons.ts";
import type { Intervened } from "../outbox/outbox.ts";
import { nonEmptyText } from "../settings/calls.ts";
import { argument } from "../settings/check.ts";
import type { Parts } from "./assemble.ts";

type Needed = Pick<Parts, "outbox" | "worker" | "lifecycle" | "now">;

/** Rejects with DELIVERY_UNKNOWN or DELIVERY_BUSY. */
export async function sendNow({ outbox, worker }: Needed, deliveryId: string, by: string): Promise<void> {
  argument("sendNow", "deliveryId", nonEmptyText, deliveryId);
  refuse(await outbox.sendNow(deliveryId, by));
  const delivery = await outbox.get(deliveryId);
  if (delivery !== undefined) worker.wake(delivery.endpointId);
}

/** Rejects with DELIVERY_UNKNOWN or DELIVERY_BUSY. */
export async function cancel(
  { outbox, worker, lifecycle, now }: Needed,
  deliveryId: string,
  reason: string | undefined,
  by: string,
): Promise<void> {
  argument("cancel", "deliveryId", nonEmptyText, deliveryId);
  if (reason !== undefined) argument("cancel", "reason", nonEmptyText, reason);
  const before = await outbox.get(deliveryId);
  refuse(await outbox.cancel(deliveryId, by, reason));
  if (before === undefined) return;
  const { eventId, eventType, endpointId, createdAt, state } = before;
  // A dead one was counted when it died.
  if (state === "pending") {
    lifecycle.settled({
      ...{ deliveryId, eventId, eventType, endpointId, lagMs: now() - createdAt },
      ...{ outcome: "dead", reason: cancelledReason(reason) },
    });
  }
  worker.wake(endpointId);
}

function refuse(answer: Intervened): void {
  if (answer === "done") return;
  if (answer === "unknown") throw new WebhookError("DELIVERY_UNKNOWN", "The outbox knows no such delivery");
  throw new WebhookError(
    "DELIVERY_BUSY",
    `The delivery is ${answer}; only one that waits can be sent or cancelled`,
  );
}
