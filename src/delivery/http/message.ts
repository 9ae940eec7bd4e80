/** What one POST carries: the event of one claim, or a batch of them as a JSON array. */
import type { Claim } from "../../outbox/outbox.ts";
import { batchIdOf } from "../batch-id.ts";

export interface Message {
  /** The `webhook-id`: the same over all retries. */
  readonly id: string;
  /** `X-Mova-Event`. */
  readonly type: string;
  /** `X-Mova-Delivery`. */
  readonly deliveryId: string;
  readonly body: Buffer;
  /** By lower-case name; they come before the endpoint's own. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function messageOf(claim: Claim): Message {
  const { event, content, id: deliveryId } = claim;
  const { id, type, body } = event;
  return content === undefined ? { id, type, deliveryId, body } : { id, type, deliveryId, ...content };
}

const [opening, comma, closing] = ["[", ",", "]"].map((text) => Buffer.from(text)) as [
  Buffer,
  Buffer,
  Buffer,
];

export function batchMessageOf(claims: readonly Claim[]): Message {
  const id = batchIdOf(claims);
  const bodies = claims.flatMap(({ event }, index) => (index === 0 ? [event.body] : [comma, event.body]));
  return {
    id,
    type: "batch",
    deliveryId: id,
    body: Buffer.concat([opening, ...bodies, closing]),
    headers: { "x-mova-batch": String(claims.length) },
  };
}
