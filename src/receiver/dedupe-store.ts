/** The contract for what remembers handled events, so that an event sent again is not handled again. */
import { WebhookError } from "../event/errors.ts";

/** An event that is the caller's to handle. */
export interface HeldClaim {
  readonly state: "claimed";
  /** Call it when the event is handled. */
  complete(): Promise<void>;
  /** Call it when handling failed, so that the next request with the event is handled. */
  release(): Promise<void>;
}

/** `busy`: somebody is handling the event and may still fail. `done`: it was handled. */
export type DedupeClaim = HeldClaim | { readonly state: "busy" } | { readonly state: "done" };

export interface DedupeStore {
  /** Claims a key for one caller at a time. A claim is a lease: when its holder dies, it runs out. */
  claim(key: string): Promise<DedupeClaim>;
}

export interface DedupeOptions {
  /**
   * Seconds for which a handled event is remembered. Longer than the sender retries, and with `require: "standard"` never
   * less than twice the tolerance.
   * @default 86400
   */
  readonly retention?: number;
  /** Seconds a claim holds; longer than the slowest handler. @default 300 */
  readonly lease?: number;
}

/** Fills in the defaults. Throws CONFIG_INVALID for times that cannot work. */
export function dedupeTimes({ retention = 86_400, lease = 300 }: DedupeOptions): {
  retentionMs: number;
  leaseMs: number;
} {
  for (const [name, value] of Object.entries({ retention, lease })) {
    if (value > 0 && value <= 31_536_000) continue;
    throw new WebhookError(
      "CONFIG_INVALID",
      `Expected \`${name}\` of a dedupe store to be up to 31536000 seconds, and more than 0`,
    );
  }
  return { retentionMs: Math.ceil(retention * 1000), leaseMs: Math.ceil(lease * 1000) };
}
