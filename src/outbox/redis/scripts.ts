/**
 * The Lua scripts that change the outbox's records in Redis: each runs whole or not at all.
 *
 * Under the key prefix: `event:<id>` and `delivery:<id>` are the records, and `content:<id>` what a delivery sends
 * instead of its event's body; `all`, `type:<type>`, `endpoint:<id>` and
 * `state:<state>` list deliveries by age for searching; `first:<endpoint>` and `again:<endpoint>` hold what is pending
 * by due time, `due` the endpoints by the time their next delivery is due; `delivering:<endpoint>` and `busy` say what
 * is claimed; `finished` lists events with nothing left to do. `queue:…` belongs to BullMQ.
 */
import { bury, count, prune, pullBack, replay } from "./scripts/upkeep.ts";
import { recover, settle, take, ticketless } from "./scripts/claim.ts";
import { put } from "./scripts/put.ts";
import { records } from "./scripts/records.ts";

const bodies = {
  outboxPut: put,
  outboxTake: take,
  outboxSettle: settle,
  outboxRecover: recover,
  outboxTicketless: ticketless,
  outboxBury: bury,
  outboxPullBack: pullBack,
  outboxReplay: replay,
  outboxCount: count,
  outboxPrune: prune,
};

export type ScriptName = keyof typeof bodies;

/** In the form of ioredis's `scripts` option; the one key of each is the prefix. */
export const scripts: Record<string, { lua: string; numberOfKeys: number }> = Object.fromEntries(
  Object.entries(bodies).map(([name, body]) => [name, { lua: records + body, numberOfKeys: 1 }]),
);
