/** Names batches by the deliveries in them. */
import { createHash } from "node:crypto";

/**
 * Another set has another id, so that no receiver takes new events for known ones, and the same set keeps its id over
 * retries, restarts and processes. The number tells how many belong to it.
 */
export function batchIdOf(claims: readonly { readonly id: string }[]): string {
  const ids = claims.map((claim) => claim.id).sort();
  const hash = createHash("sha256").update(ids.join("\n")).digest("hex");
  return `bat_${claims.length}_${hash.slice(0, 32)}`;
}

/** How many deliveries belong to the batch of that id. */
export function batchSize(batchId: string): number {
  return Number(batchId.split("_")[1]);
}
