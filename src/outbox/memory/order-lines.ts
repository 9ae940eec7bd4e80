/** Deliveries of one endpoint that go out one after the other, by key: who is at the head, and who waits behind it. */
import type { DeliveryRecord } from "./record.ts";

interface Line {
  /** What is not finished, and what died and holds the key; oldest first. */
  readonly members: DeliveryRecord[];
  /** How many of them are under way. */
  busy: number;
  /** The one that may be claimed. */
  free: DeliveryRecord | undefined;
}

export interface Moved {
  /** May be claimed from now on. */
  readonly freed?: DeliveryRecord;
  /** Could be claimed until now, and waits behind another. */
  readonly parked?: DeliveryRecord;
}

export class OrderLines {
  readonly #lines = new Map<string, Line>();

  /** Notes that a delivery came or changed its state. Returns what follows for who may be claimed. */
  place(record: DeliveryRecord, key: string, leaving: DeliveryRecord["state"]): Moved {
    const line = this.#lines.get(key) ?? { members: [], busy: 0, free: undefined };
    this.#lines.set(key, line);
    const { members } = line;
    const at = members.indexOf(record);
    if (at >= 0 && leaving === "delivering") line.busy -= 1;
    if (at < 0 && stays(record)) insert(members, record);
    if (at >= 0 && !stays(record)) members.splice(at, 1);
    if (record.state === "delivering") line.busy += 1;
    if (line.free === record) line.free = undefined;
    if (members.length === 0) this.#lines.delete(key);
    return this.#look(line);
  }

  /** Lets go on without them what waits behind deliveries that died. */
  skipDead(): DeliveryRecord[] {
    const freed: DeliveryRecord[] = [];
    for (const [key, line] of this.#lines) {
      const left = line.members.filter((record) => record.state !== "dead");
      if (left.length === line.members.length) continue;
      line.members.splice(0, line.members.length, ...left);
      if (left.length === 0) this.#lines.delete(key);
      const moved = this.#look(line);
      if (moved.freed !== undefined) freed.push(moved.freed);
    }
    return freed;
  }

  /** Takes all that waits. Returns those that waited behind another. */
  takeWaiting(): DeliveryRecord[] {
    const parked: DeliveryRecord[] = [];
    for (const [key, line] of this.#lines) {
      const left = line.members.filter((record) => record.state !== "pending");
      parked.push(...line.members.filter((record) => record.state === "pending" && record !== line.free));
      line.members.splice(0, line.members.length, ...left);
      line.free = undefined;
      if (left.length === 0) this.#lines.delete(key);
    }
    return parked;
  }

  has(key: string): boolean {
    return this.#lines.has(key);
  }

  mayBeClaimed(record: DeliveryRecord, key: string): boolean {
    return this.#lines.get(key)?.free === record;
  }

  /** Returns the one that must end first. */
  aheadOf(record: DeliveryRecord, key: string): DeliveryRecord | undefined {
    const line = this.#lines.get(key);
    if (line === undefined || line.free === record) return undefined;
    return line.busy > 0 ? line.members.find(({ state }) => state === "delivering") : line.members[0];
  }

  #look(line: Line): Moved {
    const [head] = line.members;
    const next = line.busy === 0 && head?.state === "pending" ? head : undefined;
    const { free } = line;
    if (next === free) return {};
    line.free = next;
    return {
      ...(next === undefined ? {} : { freed: next }),
      ...(free === undefined ? {} : { parked: free }),
    };
  }
}

function stays({ state, holds }: DeliveryRecord): boolean {
  return state === "pending" || state === "delivering" || (state === "dead" && holds);
}

/** Most come in their order. */
function insert(members: DeliveryRecord[], record: DeliveryRecord): void {
  let at = members.length;
  while (at > 0 && (members[at - 1] as DeliveryRecord).sequence > record.sequence) at -= 1;
  members.splice(at, 0, record);
}
