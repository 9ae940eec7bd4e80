/** What a POST carries where an endpoint gets batches: the events of its claims as a JSON array. */
import type { Claim } from "../../outbox/outbox.ts";
import { batchIdOf } from "../batch-id.ts";
import type { Message } from "./transport.ts";

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
