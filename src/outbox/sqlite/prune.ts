/** Forgets finished events of the SQLite outbox, oldest first, a few hundred rows at a time. */
import type { Position } from "../position.ts";
import type { GroupCommit } from "./batch.ts";
import { finishedAfter } from "./finished.ts";
import type { SqliteSession, SqliteStore } from "./store.ts";
import { upkeepRows } from "./upkeep.ts";
import type { PrunableEvent } from "./upkeep.ts";
import { nextTurn } from "../../time/timers.ts";

interface Limits {
  readonly before?: number;
  readonly keep?: number;
}

/** Returns how many deliveries were forgotten. */
export async function pruneEvents(
  store: SqliteStore,
  batch: GroupCommit<SqliteSession>,
  { before = Number.NEGATIVE_INFINITY, keep = Number.POSITIVE_INFINITY }: Limits,
): Promise<number> {
  let left = store.read(({ upkeep }) => upkeep.finishedCount());
  let forgotten = 0;
  let position: Position | undefined = { createdAt: Number.NEGATIVE_INFINITY, sequence: 0 };
  // What comes next is at least as new as where it begins.
  while (position !== undefined && (position.createdAt < before || left > keep)) {
    const from: Position = position;
    const { events, next } = store.read((session) => finishedAfter(session, from));
    position = next;
    let chosen: PrunableEvent[] = [];
    let rows = 0;
    for (const event of events) {
      if (event.createdAt >= before && left <= keep) {
        position = undefined;
        break;
      }
      left -= Math.max(1, event.deliveries);
      rows += Math.max(1, event.deliveries);
      chosen.push(event);
      if (rows < upkeepRows) continue;
      forgotten += await forget(batch, chosen);
      chosen = [];
      rows = 0;
    }
    forgotten += await forget(batch, chosen);
    if (position !== undefined) await nextTurn();
  }
  if (store.read(({ ledger }) => ledger.hasIdleEndpoints))
    await batch.add(({ ledger }) => ledger.forgetIdleEndpoints());
  return forgotten;
}

async function forget(batch: GroupCommit<SqliteSession>, events: readonly PrunableEvent[]): Promise<number> {
  return events.length === 0 ? 0 : batch.add(({ upkeep }) => upkeep.forget(events));
}
