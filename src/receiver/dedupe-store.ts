/** The contract for what remembers handled events, so that an event sent again is not handled again. */
import { memoryStore } from "../settings/receiver.ts";

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
  /**
   * Claims a key for one caller at a time. A claim is a lease: when its holder dies, it runs out. Until
   * `replayableUntilMs`, Unix milliseconds, the same request would be genuine again: a store that makes room keeps the
   * key that long. Undefined where a request bears no time.
   */
  claim(key: string, replayableUntilMs?: number): Promise<DedupeClaim>;
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

/** Fills in the defaults of times that were checked. */
export function dedupeTimes({
  retention = memoryStore.fields.retention.default,
  lease = memoryStore.fields.lease.default,
}: DedupeOptions): { readonly retentionMs: number; readonly leaseMs: number } {
  return { retentionMs: Math.ceil(retention * 1000), leaseMs: Math.ceil(lease * 1000) };
}
