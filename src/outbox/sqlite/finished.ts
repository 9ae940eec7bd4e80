/** Finds events of the SQLite outbox of which nothing is left to do, oldest first, in short steps. */
import { byAge, isOlder, type Position } from "../position.ts";
import type { PrunableEvent, SqliteUpkeep } from "./upkeep.ts";
import type { SqliteWalk } from "./walk.ts";

export interface Records {
  readonly walk: SqliteWalk;
  readonly upkeep: SqliteUpkeep;
}

/** Rows looked at without a pause. */
const stepRows = 1000;

/** The finished, or only the delivered events among the next rows by age, merged with those that never had deliveries. */
export function finishedAfter(
  { walk, upkeep }: Records,
  from: Position,
  which: "finished" | "delivered" = "finished",
): { events: PrunableEvent[]; next?: Position } {
  const step = walk.newer(from, false, stepRows);
  const unrouted = upkeep.unroutedAfter(from);
  const end = earlier(step.next, unrouted.next);
  const numbers = new Set(step.rows.filter((row) => row.state >= 2).map((row) => row.event));
  const routed = [...numbers].map((number) => upkeep.eventAt(number)).filter((event) => event !== undefined);
  // One that went nowhere at first, and got deliveries later, is among both.
  const each = new Map([...routed, ...unrouted.events].map((event) => [event.sequence, event]));
  const events = [...each.values()]
    .filter((event) => (end === undefined || !isOlder(end, event)) && upkeep.isOver(event, which))
    .sort(byAge);
  return end === undefined ? { events } : { events, next: end };
}

function earlier(one: Position | undefined, other: Position | undefined): Position | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return isOlder(other, one) ? other : one;
}
