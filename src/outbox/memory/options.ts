/** What a memory outbox may be given. */
import { object } from "../../settings/composed.ts";
import { whole } from "../../settings/kinds.ts";
import { now } from "../../settings/surroundings.ts";

export interface MemoryOutboxOptions {
  /**
   * Records held at a time. Delivered ones are forgotten oldest first to make room; when the others alone fill it,
   * `put` rejects with OUTBOX_FULL.
   * @default 10000
   */
  readonly maxDeliveries?: number;
  /** @default Date.now */
  readonly now?: () => number;
}

export const memoryOptions = object<MemoryOutboxOptions>({
  maxDeliveries: { ...whole(1, 100_000_000), default: 10_000 },
  now,
});
