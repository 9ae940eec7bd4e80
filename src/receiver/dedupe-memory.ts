/** Remembers handled events in this process: enough for one receiver that may handle an event again after a restart. */
import { check } from "../settings/check.ts";
import { memoryStore as settings } from "../settings/receiver.ts";
import { type DedupeOptions, type DedupeStore, dedupeTimes } from "./dedupe-store.ts";
import { wallNow } from "../time/timers.ts";

export interface MemoryStoreOptions extends DedupeOptions {
  /**
   * Events remembered at most; the oldest are forgotten first, but none that could be replayed: more are kept where
   * more come within the receiver's tolerance. @default 100000
   */
  readonly maxEvents?: number;
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
}

interface Entry {
  readonly done: boolean;
  readonly endsAtMs: number;
  readonly replayableUntilMs: number;
}

/** Makes a store in memory. Throws CONFIG_INVALID for options that cannot work. */
export function memoryStore(given: MemoryStoreOptions = {}): DedupeStore {
  const options: MemoryStoreOptions = check("`memoryStore()`", settings, given);
  const { maxEvents = settings.fields.maxEvents.default, now = wallNow } = options;
  const { retentionMs, leaseMs } = dedupeTimes(options);
  /** In the order of writing: the first is the oldest. */
  const entries = new Map<string, Entry>();

  function put(key: string, entry: Entry): void {
    entries.delete(key);
    entries.set(key, entry);
    for (const [oldest, { endsAtMs, replayableUntilMs }] of entries) {
      const wanted = entries.size <= maxEvents || replayableUntilMs > now();
      if (wanted && endsAtMs > now()) break;
      entries.delete(oldest);
    }
  }

  return {
    async claim(key, replayableUntilMs = 0) {
      const known = entries.get(key);
      if (known !== undefined && known.endsAtMs > now())
        return known.done ? { state: "done" } : { state: "busy" };
      const mine: Entry = { done: false, endsAtMs: now() + leaseMs, replayableUntilMs };
      put(key, mine);
      return {
        state: "claimed",
        async complete() {
          put(key, { done: true, endsAtMs: now() + retentionMs, replayableUntilMs });
        },
        async release() {
          // After the lease ran out, the key may be somebody else's.
          if (entries.get(key) === mine) entries.delete(key);
        },
      };
    },
  };
}
