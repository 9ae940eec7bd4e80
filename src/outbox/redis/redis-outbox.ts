/** The outbox contract on Redis: records changed by scripts, and BullMQ's tickets that follow them. */
import { randomUUID } from "node:crypto";
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery } from "../../event/delivery.ts";
import { WebhookError } from "../../event/errors.ts";
import type {
  Claim,
  Claimed,
  Due,
  EndpointCounts,
  EventRecord,
  Outbox,
  PullBack,
  PutOptions,
  ReplaySelection,
  Settlement,
  Stored,
  Submission,
} from "../outbox.ts";
import { withOldestDue } from "../due.ts";
import { isFinished, matches, pageSize, replaySize, stateToReplay } from "../query.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { Ticker } from "../ticker.ts";
import { noTransactions } from "../refusals.ts";
import { RedisKeeping } from "./keeping.ts";
import { RedisClaims } from "./claims.ts";
import { writeSubmission } from "./records.ts";
import { byAge, readDeliveries, readStoredEvent, search } from "./search.ts";
import type { Connected, RedisSession } from "./session.ts";
import { judgeRedis } from "./server-settings.ts";
import { addTickets, namedIn, type NewTicket, removeTickets } from "./tickets.ts";
import { RedisUpkeep } from "./upkeep.ts";

/** Deliveries that one script call changes at most, so that it blocks Redis for milliseconds. */
const batchSize = 200;
/** What this process has warned of already: each warning is given once, however often a server is asked. */
const warnings = new Set<string>();

export class RedisOutbox extends RedisKeeping implements Outbox {
  readonly contract = 2;
  readonly name = "redis";
  /** Durable as far as the server's AOF setting goes. */
  readonly guarantees = { durable: true, shared: true, transactional: false, clusterLimits: false };
  readonly leaseMs: number;
  readonly #session: RedisSession;
  readonly #upkeep: RedisUpkeep;
  readonly #claims: RedisClaims;

  constructor(session: RedisSession, every: Ticker) {
    super(session);
    this.#session = session;
    this.leaseMs = session.leaseMs;
    this.#upkeep = new RedisUpkeep(session, every);
    this.#claims = new RedisClaims(session, this.#upkeep);
  }

  async put(submissions: readonly Submission[], options?: PutOptions): Promise<readonly Stored[]> {
    if (options?.transaction !== undefined) throw noTransactions("Redis");
    const input = submissions.flatMap(writeSubmission);
    const call = randomUUID();
    const store = async (connected: Connected): Promise<Stored[]> => {
      const counted = [call, submissions.length, ...input];
      const answers = (await this.#session.run(connected, "outboxPut", ...counted)) as number[];
      const accepted = submissions.filter((_, index) => answers[index] === 1);
      await this.#session.follow(addTickets(connected, accepted.flatMap(ticketsOf)));
      return answers.map((answer) => ({ accepted: answer === 1, claims: [] }));
    };
    // Repeatable: a second run of the same call knows what the first one stored.
    return this.#session.use(store, true);
  }

  async claim(endpointId: string, limit: number): Promise<Claimed> {
    return { claims: await this.#claims.claim(endpointId, limit) };
  }

  settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    return this.#claims.settle(claim, settlement, attempt);
  }

  async due(): Promise<Due> {
    const now = this.#session.now();
    const key = `${this.#session.prefix}:due`;
    return this.#session.use(async ({ client }) => {
      const [endpointIds, [, nextAt], version] = await Promise.all([
        client.zrangebyscore(key, "-inf", now),
        client.zrangebyscore(key, `(${now}`, "+inf", "WITHSCORES", "LIMIT", 0, 1),
        this.version(),
      ]);
      return {
        endpointIds,
        ...(nextAt === undefined ? {} : { nextAt: Number(nextAt) }),
        ...(version === 0 ? {} : { version }),
      };
    });
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    const limit = query.limit ?? pageSize;
    const deliveries: Delivery[] = [];
    let last: string | undefined;
    for await (const { delivery, entry } of search(this.#session, query)) {
      if (deliveries.length === limit)
        return last === undefined ? { deliveries } : { deliveries, cursor: last };
      deliveries.push(delivery);
      last = entry;
    }
    return { deliveries };
  }

  async get(deliveryId: string): Promise<Delivery | undefined> {
    return (await readDeliveries(this.#session, [deliveryId]))[0];
  }

  async event(eventId: string): Promise<EventRecord | undefined> {
    const stored = await readStoredEvent(this.#session, eventId);
    if (stored === undefined) return undefined;
    const deliveries = await readDeliveries(this.#session, stored.deliveryIds);
    return { event: stored.event, deliveries: deliveries.filter((delivery) => delivery !== undefined) };
  }

  async replay(selection: ReplaySelection): Promise<readonly string[]> {
    const chosen = await this.#choose(selection);
    if (selection.dryRun === true) return chosen.map(({ id }) => id);
    const now = this.#session.now();
    const replayed: Delivery[] = [];
    for (const batch of batchesOf(chosen)) {
      await this.#session.use(async (connected) => {
        const ids = batch.map(({ id }) => id);
        const answers = (await this.#session.run(connected, "outboxReplay", now, ...ids)) as number[];
        const done = batch.filter((_, index) => answers[index] === 1);
        const tickets = done.map(({ id, endpointId }) => ({
          id,
          endpointId,
          kind: "again" as const,
          dueAt: now,
        }));
        await this.#session.follow(addTickets(connected, tickets));
        replayed.push(...done);
      });
    }
    return replayed.map(({ id }) => id);
  }

  async bury(endpointId: string, reason: string): Promise<number> {
    for (let buried = 0; ; ) {
      const count = await this.#session.use(async (connected) => {
        const input = [endpointId, reason, this.#session.now(), batchSize];
        const tickets = namedIn(await this.#session.run(connected, "outboxBury", ...input), endpointId);
        await this.#session.follow(removeTickets(connected, tickets));
        return tickets.length;
      });
      if (count === 0) return buried;
      buried += count;
    }
  }

  async pullBack(endpointId: string, { beyond, upTo, dueAt }: PullBack): Promise<number> {
    for (let pulled = 0; ; ) {
      const count = await this.#session.use(async (connected) => {
        const input = [endpointId, beyond, upTo ?? "+inf", dueAt, batchSize];
        const tickets = namedIn(await this.#session.run(connected, "outboxPullBack", ...input), endpointId);
        const planned = tickets.map((ticket) => ({ ...ticket, dueAt }));
        const renewed = removeTickets(connected, tickets).then(() => addTickets(connected, planned));
        await this.#session.follow(renewed);
        return tickets.length;
      });
      if (count === 0) return pulled;
      pulled += count;
    }
  }

  async counts(): Promise<readonly EndpointCounts[]> {
    const now = this.#session.now();
    const endpointIds = await this.#session.use(({ client }) =>
      client.smembers(`${this.#session.prefix}:endpoints`),
    );
    const counts: EndpointCounts[] = [];
    for (const batch of batchesOf(endpointIds)) {
      const answers = await this.#session.use((connected) =>
        this.#session.run(connected, "outboxCount", ...batch),
      );
      for (const [index, answer] of (answers as [number, number, number, Buffer | null][]).entries()) {
        const [pending, delivering, dead, earliest] = answer;
        const count = { endpointId: batch[index] as string, pending, delivering, dead };
        counts.push(withOldestDue(count, earliest === null ? null : Number(earliest), now));
      }
    }
    return counts;
  }

  async prune(limits: { readonly before?: number; readonly keep?: number }): Promise<number> {
    const input = [limits.before ?? "", limits.keep ?? "", batchSize];
    for (let pruned = 0; ; ) {
      const answer = await this.#session.use((connected) =>
        this.#session.run(connected, "outboxPrune", ...input),
      );
      const [forgotten, isMore] = answer as [number, number];
      pruned += forgotten;
      if (isMore === 0) return pruned;
    }
  }

  async ping(): Promise<void> {
    const { address, logger } = this.#session;
    const info = await this.#session.use(({ client }) => client.info());
    for (const { setting, found, severity, remedy } of judgeRedis(info)) {
      if (severity === "error") {
        throw new WebhookError(
          "OUTBOX_UNAVAILABLE",
          `Redis at ${address} has ${setting} ${found}. ${remedy}`,
        );
      }
      const warning = `${address} ${setting} ${found}`;
      if (warnings.has(warning)) continue;
      warnings.add(warning);
      logger.warn({ setting, found }, `Redis may lose deliveries. ${remedy}`);
    }
  }

  async close(deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#upkeep.stop();
    await withDeadline(this.#upkeep.releaseAll(), deadlineMs, () => undefined);
    this.#session.close();
  }

  /** Oldest first. */
  async #choose(selection: ReplaySelection): Promise<Delivery[]> {
    const { deliveryIds, limit = replaySize, dryRun: _, ...given } = selection;
    const state = stateToReplay(selection);
    const query: DeliveryQuery = state === undefined ? given : { ...given, state };
    if (deliveryIds !== undefined) {
      const known = await readDeliveries(this.#session, [...new Set(deliveryIds)]);
      const wanted = known.filter((delivery) => delivery !== undefined && matches(delivery, query));
      return (wanted as Delivery[]).filter(isFinished).sort(byAge).slice(0, limit);
    }
    const chosen: Delivery[] = [];
    for await (const { delivery } of search(this.#session, query, "oldest first")) {
      if (chosen.length === limit) break;
      chosen.push(delivery);
    }
    return chosen;
  }
}

function ticketsOf({ deliveries }: Submission): NewTicket[] {
  return deliveries.map(({ id, endpointId, dueAt }) => ({ id, endpointId, dueAt, kind: "first" }));
}

function* batchesOf<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let at = 0; at < items.length; at += batchSize) yield items.slice(at, at + batchSize);
}
