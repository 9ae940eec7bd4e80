/** Volume control of one plugin: keeps a share of its events, makes one event of many that are alike, and limits the rate. */
import type { DropReason } from "../telemetry/lifecycle.ts";
import { check } from "../settings/check.ts";
import { type Volume, volume as volumeSetting } from "../settings/plugin-use.ts";

/** An event of a plugin before it has an id. */
export interface EventDraft {
  readonly type: string;
  readonly data: unknown;
  /** The process is about to end: neither sampled nor held, and stored before anything else runs. */
  readonly fatal?: boolean;
}

export interface VolumePorts {
  /** Unix milliseconds. */
  now(): number;
  /** From 0 to below 1. */
  random(): number;
  /** Runs once after a delay; the returned function prevents it. */
  after(delayMs: number, run: () => void): () => void;
  emit(draft: EventDraft): void;
  dropped(reason: DropReason): void;
  /** Hears of an event that is lost because its data, which were held, can no longer be read. */
  failed(draft: EventDraft, error: unknown): void;
}

interface Held {
  draft: EventDraft;
  count: number;
  readonly endsAt: number;
}

/** Keys that may be held; one more, and the oldest leaves before its window is over. */
const maxHeld = 1000;

/** Throws CONFIG_INVALID. */
export function checkVolume(plugin: string, volume: Volume): void {
  check(`plugin \`${plugin}\``, volumeSetting, volume, { at: "volume" });
}

export class VolumeControl {
  readonly #volume: Volume;
  readonly #ports: VolumePorts;
  readonly #held = new Map<string, Held>();
  readonly #bucket: TokenBucket | undefined;
  /** A budget of its own: a flood of small errors must not cost the one that ended the process. */
  readonly #fatalBucket: TokenBucket | undefined;
  #disarm: (() => void) | undefined;

  constructor(volume: Volume, ports: VolumePorts) {
    this.#volume = volume;
    this.#ports = ports;
    if (volume.maxPerSecond === undefined) return;
    this.#bucket = new TokenBucket(volume.maxPerSecond);
    this.#fatalBucket = new TokenBucket(volume.maxPerSecond);
  }

  /** Decides by chance, before anything is paid for the event; counts what it refuses. */
  keeps({ fatal }: EventDraft): boolean {
    const { sample } = this.#volume;
    if (sample === undefined || fatal === true || this.#ports.random() < sample) return true;
    this.#ports.dropped("sampled");
    return false;
  }

  /** Emits the event now, with others of its kind later, or not at all. Throws where its data cannot be read. */
  take(draft: EventDraft): void {
    const { coalesce } = this.#volume;
    if (coalesce === undefined || draft.fatal === true) return this.#emit(draft);
    const key = keyOf(draft, coalesce.key);
    const held = this.#held.get(key);
    if (held !== undefined) {
      held.draft = draft;
      held.count += 1;
      return this.#ports.dropped("coalesced");
    }
    if (this.#held.size >= maxHeld) this.#release(1);
    this.#held.set(key, { draft, count: 1, endsAt: this.#ports.now() + coalesce.windowSeconds * 1000 });
    this.#arm();
  }

  /** Emits what is held, whatever the rate. */
  flush(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const held of all) this.#letGo(held, (draft) => this.#ports.emit(draft));
  }

  #letGo(held: Held, emit: (draft: EventDraft) => void): void {
    let draft: EventDraft;
    try {
      draft = withCount(held);
    } catch (error) {
      return this.#ports.failed(held.draft, error);
    }
    emit(draft);
  }

  #emit(draft: EventDraft): void {
    const bucket = draft.fatal === true ? this.#fatalBucket : this.#bucket;
    if (bucket?.take(this.#ports.now()) === false) this.#ports.dropped("rate_limited");
    else this.#ports.emit(draft);
  }

  /** Emits the oldest: windows are equally long, so the map's order is that of their ends. */
  #release(count: number): void {
    for (const [key, held] of [...this.#held].slice(0, count)) {
      this.#held.delete(key);
      this.#letGo(held, (draft) => this.#emit(draft));
    }
  }

  #arm(): void {
    const [oldest] = this.#held.values();
    if (this.#disarm !== undefined || oldest === undefined) return;
    // Also where the clock was set back, no window lasts longer than it should.
    const windowMs = (this.#volume.coalesce?.windowSeconds ?? 0) * 1000;
    const waitMs = Math.min(Math.max(oldest.endsAt - this.#ports.now(), 0), windowMs);
    this.#disarm = this.#ports.after(waitMs, () => {
      this.#disarm = undefined;
      const now = this.#ports.now();
      const ended = [...this.#held.values()].filter((held) => held.endsAt <= now).length;
      this.#release(Math.max(ended, 1));
      this.#arm();
    });
  }
}

/** Equal where the fields would be stored as equal JSON, in whatever order their keys are. */
function keyOf({ type, data }: EventDraft, fields: string | readonly string[] = []): string {
  const paths = typeof fields === "string" ? [fields] : fields;
  return JSON.stringify([
    type,
    ...paths.map((path) => JSON.stringify(fieldOf(data, path), sorted) ?? "none"),
  ]);
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function fieldOf(data: unknown, path: string): unknown {
  let value = data;
  for (const name of path.split(".")) value = Object(value)[name] as unknown;
  return value;
}

function withCount({ draft, count }: Held): EventDraft {
  const { data } = draft;
  const isRecord = typeof data === "object" && data !== null && !Array.isArray(data);
  return { ...draft, data: isRecord ? { ...data, count } : { data, count } };
}

/** Holds as many tokens as come in a second, at least one. */
class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  #tokens: number;
  #filledAt: number | undefined;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#capacity = Math.max(1, perSecond);
    this.#tokens = this.#capacity;
  }

  take(now: number): boolean {
    const elapsedMs = Math.max(0, now - (this.#filledAt ?? now));
    this.#filledAt = now;
    this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsedMs / 1000) * this.#perSecond);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
