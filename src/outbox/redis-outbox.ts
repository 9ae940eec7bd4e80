/** The outbox contract on Redis: records changed by scripts, and BullMQ's tickets that follow them. */
import { randomUUID } from "node:crypto";
import type { Attempt, Delivery, DeliveryPage, DeliveryQuery } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import { shareOfFirstAttempts } from "./fair-claim.ts";
import type {
  Claim,
  Due,
  EndpointCounts,
  EventRecord,
  Outbox,
  ReplaySelection,
  Settlement,
  Stored,
  Submission,
} from "./outbox.ts";
import { readClaim, writeSubmission } from "./redis-records.ts";
import { byAge, matches, readDeliveries, readStoredEvent, search } from "./redis-search.ts";
import type { Connected, RedisSession } from "./redis-session.ts";
import { judgeRedis } from "./redis-settings.ts";
import {
  addTickets,
  drawTickets,
  handBack,
  type NewTicket,
  planRetry,
  queueName,
  removeTickets,
  tearUp,
  type Ticket,
  type TicketKind,
} from "./redis-tickets.ts";
import { RedisUpkeep, type Ticker } from "./redis-upkeep.ts";

/** Deliveries that one script call changes at most, so that it blocks Redis for milliseconds. */
const batchSize = 200;

export class RedisOutbox implements Outbox {
  readonly contract = 1;
  readonly name = "redis";
  /** Durable as far as the server's AOF setting goes. */
  readonly guarantees = { durable: true, shared: true };
  readonly leaseMs: number;
  readonly #session: RedisSession;
  readonly #upkeep: RedisUpkeep;
  readonly #process = randomUUID();
  #leases = 0;
  #turn = 0;

  constructor(session: RedisSession, every: Ticker) {
    this.#session = session;
    this.leaseMs = session.leaseMs;
    this.#upkeep = new RedisUpkeep(session, every);
  }

  async put(submissions: readonly Submission[]): Promise<readonly Stored[]> {
    const input = submissions.flatMap(writeSubmission);
    const call = this.#nextLease();
    const store = async (connected: Connected): Promise<Stored[]> => {
      const counted = [call, submissions.length, ...input];
      const answers = (await this.#session.run(connected, "outboxPut", ...counted)) as number[];
      const accepted = submissions.filter((_, index) => answers[index] === 1);
      await this.#follow(addTickets(connected, accepted.flatMap(ticketsOf)));
      return answers.map((answer) => ({ accepted: answer === 1, claims: [] }));
    };
    // Repeatable: a second run of the same call knows what the first one stored.
    return this.#session.use(store, true);
  }

  async claim(endpointId: string, limit: number): Promise<readonly Claim[]> {
    const claims: { claim: Claim; dueAt: number }[] = [];
    let wroteMissing = false;
    for (;;) {
      const { first, again } = await this.#plan(endpointId, limit - claims.length);
      if (first + again === 0) break;
      const drawn = await this.#draw(endpointId, first, again);
      const taken = await this.#take(drawn);
      claims.push(...taken);
      // Others were faster, or the tickets are missing or stuck with a dead holder.
      if (drawn.length < first + again) {
        if (wroteMissing) break;
        wroteMissing = true;
        if ((await this.#writeMissing(endpointId, first + again)) === 0) break;
      } else if (taken.length === drawn.length) break;
    }
    return claims.sort((left, right) => left.dueAt - right.dueAt).map(({ claim }) => claim);
  }

  async settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    const ticket = claim.lease as Ticket;
    const { kind } = settlement;
    const dueAt = kind === "retry" || kind === "release" ? settlement.dueAt : Date.now();
    const reason = kind === "delivered" ? undefined : settlement.reason;
    const result = await this.#session.use(async (connected) => {
      const settled = this.#session.run(
        connected,
        "outboxSettle",
        ...[ticket.id, ticket.lease, kind, dueAt, reason === undefined ? "0" : "1", reason ?? ""],
        ...[attempt === undefined ? "" : JSON.stringify(attempt), attempt?.traceId ?? "", attempt?.spanId ?? ""],
      );
      // On the same connection, so that it comes second. Where the lease is lost, BullMQ's lock is lost as well.
      const followed =
        kind === "retry"
          ? planRetry(connected, ticket, dueAt)
          : kind === "release"
            ? handBack(connected, ticket, dueAt)
            : tearUp(connected, ticket, reason);
      const [answer] = await Promise.all([settled, this.#follow(followed)]);
      return answer;
    });
    this.#upkeep.held.delete(ticket.lease);
    return result === 1 ? "settled" : "lost";
  }

  async due(): Promise<Due> {
    const now = Date.now();
    const key = `${this.#session.prefix}:due`;
    return this.#session.use(async ({ client }) => {
      const [endpointIds, [, nextAt]] = await Promise.all([
        client.zrangebyscore(key, "-inf", now),
        client.zrangebyscore(key, `(${now}`, "+inf", "WITHSCORES", "LIMIT", 0, 1),
      ]);
      return nextAt === undefined ? { endpointIds } : { endpointIds, nextAt: Number(nextAt) };
    });
  }

  async find(query: DeliveryQuery): Promise<DeliveryPage> {
    const limit = query.limit ?? 100;
    const deliveries: Delivery[] = [];
    let last: string | undefined;
    for await (const { delivery, entry } of search(this.#session, query, "newest first")) {
      if (deliveries.length === limit) return last === undefined ? { deliveries } : { deliveries, cursor: last };
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
    const now = Date.now();
    const replayed: Delivery[] = [];
    for (const batch of batchesOf(chosen)) {
      await this.#session.use(async (connected) => {
        const ids = batch.map(({ id }) => id);
        const answers = (await this.#session.run(connected, "outboxReplay", now, ...ids)) as number[];
        const done = batch.filter((_, index) => answers[index] === 1);
        const tickets = done.map(({ id, endpointId }) => ({ id, endpointId, kind: "again" as const, dueAt: now }));
        await this.#follow(addTickets(connected, tickets));
        replayed.push(...done);
      });
    }
    return replayed.map(({ id }) => id);
  }

  async bury(endpointId: string, reason: string): Promise<number> {
    for (let buried = 0; ; ) {
      const count = await this.#session.use(async (connected) => {
        const input = [endpointId, reason, Date.now(), batchSize];
        const answer = ((await this.#session.run(connected, "outboxBury", ...input)) as Buffer[]).map(String);
        const tickets = answer.flatMap((kind, index) =>
          index % 2 === 0 ? [{ kind: kind as TicketKind, id: answer[index + 1] as string, endpointId }] : [],
        );
        await this.#follow(removeTickets(connected, tickets));
        return tickets.length;
      });
      if (count === 0) return buried;
      buried += count;
    }
  }

  async counts(): Promise<readonly EndpointCounts[]> {
    const now = Date.now();
    const endpointIds = await this.#session.use(({ client }) =>
      client.smembers(`${this.#session.prefix}:endpoints`),
    );
    const counts: EndpointCounts[] = [];
    for (const batch of batchesOf(endpointIds)) {
      const answers = await this.#session.use((connected) => this.#session.run(connected, "outboxCount", ...batch));
      for (const [index, answer] of (answers as [number, number, number, Buffer | null][]).entries()) {
        const [pending, delivering, dead, earliest] = answer;
        const count = { endpointId: batch[index] as string, pending, delivering, dead };
        const dueAt = earliest === null ? Number.POSITIVE_INFINITY : Number(earliest);
        counts.push(dueAt <= now ? { ...count, oldestDueAt: dueAt } : count);
      }
    }
    return counts;
  }

  async prune(limits: { readonly before?: number; readonly keep?: number }): Promise<number> {
    const input = [limits.before ?? "", limits.keep ?? "", batchSize];
    for (let pruned = 0; ; ) {
      const answer = await this.#session.use((connected) => this.#session.run(connected, "outboxPrune", ...input));
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
        throw new WebhookError("OUTBOX_UNAVAILABLE", `Redis at ${address} has ${setting} ${found}. ${remedy}`);
      }
      logger.warn({ setting, found }, `Redis may lose deliveries. ${remedy}`);
    }
  }

  async close(): Promise<void> {
    this.#upkeep.stop();
    const held = [...this.#upkeep.held.values()];
    this.#upkeep.held.clear();
    if (this.#session.isConnected) {
      const releases = held.map((ticket) => this.#release(ticket));
      await Promise.all(releases).catch((error: unknown) => {
        this.#session.logger.debug({ err: error }, "what is claimed becomes due when its lease runs out");
      });
    }
    await this.#session.close();
  }

  /** How many first attempts and how many retries a claim is to draw. */
  async #plan(endpointId: string, limit: number): Promise<{ first: number; again: number }> {
    const now = Date.now();
    const [first, again] = await this.#session.use(({ client }) =>
      Promise.all([
        client.zcount(`${this.#session.prefix}:first:${endpointId}`, "-inf", now),
        client.zcount(`${this.#session.prefix}:again:${endpointId}`, "-inf", now),
      ]),
    );
    const share = Math.min(first, shareOfFirstAttempts(limit, this.#turn++));
    const retries = Math.min(again, limit - share);
    return { first: Math.min(first, limit - retries), again: retries };
  }

  async #draw(endpointId: string, first: number, again: number): Promise<Ticket[]> {
    const nextLease = () => this.#nextLease();
    const drawn = await this.#session.use((connected) =>
      Promise.all([
        drawTickets(connected, endpointId, "first", first, nextLease),
        drawTickets(connected, endpointId, "again", again, nextLease),
      ]),
    );
    return drawn.flat();
  }

  /** Turns tickets into claims; those that stand for nothing, or for something later, are put right. */
  async #take(drawn: readonly Ticket[]): Promise<{ claim: Claim; dueAt: number }[]> {
    if (drawn.length === 0) return [];
    return this.#session.use(async (connected) => {
      const input = drawn.flatMap(({ endpointId, kind, id, lease }) => [queueName(endpointId, kind), id, lease]);
      const answers = (await this.#session.run(connected, "outboxTake", Date.now(), ...input)) as Buffer[][];
      const claims: { claim: Claim; dueAt: number }[] = [];
      const corrections: Promise<void>[] = [];
      for (const [index, ticket] of drawn.entries()) {
        const [verdict, ...rest] = answers[index] ?? [];
        if (String(verdict) === "claim") {
          this.#upkeep.held.set(ticket.lease, ticket);
          claims.push(readClaim(ticket, rest));
        } else if (String(verdict) === "later") {
          corrections.push(handBack(connected, ticket, Number(rest[0])));
        } else {
          corrections.push(tearUp(connected, ticket));
        }
      }
      await this.#follow(Promise.all(corrections));
      return claims;
    });
  }

  /** Answers how many tickets were missing. Stuck ones are freed here or by whoever looks next. */
  async #writeMissing(endpointId: string, limit: number): Promise<number> {
    await this.#upkeep.recover(endpointId);
    const queues = [queueName(endpointId, "first"), queueName(endpointId, "again")];
    return this.#session.use(async (connected) => {
      const input = [endpointId, Date.now(), limit, ...queues];
      const answer = ((await this.#session.run(connected, "outboxTicketless", ...input)) as Buffer[]).map(String);
      const tickets: NewTicket[] = [];
      for (let at = 0; at < answer.length; at += 3) {
        const [kind, id, dueAt] = answer.slice(at, at + 3) as [TicketKind, string, string];
        tickets.push({ endpointId, kind, id, dueAt: Number(dueAt) });
      }
      await addTickets(connected, tickets);
      return tickets.length;
    });
  }

  /** Oldest first. */
  async #choose(selection: ReplaySelection): Promise<Delivery[]> {
    const { deliveryIds, limit = 10_000, dryRun: _, ...given } = selection;
    if (deliveryIds !== undefined) {
      const known = await readDeliveries(this.#session, [...new Set(deliveryIds)]);
      const wanted = known.filter((delivery) => delivery !== undefined && matches(delivery, given));
      return (wanted as Delivery[]).filter(isFinished).sort(byAge).slice(0, limit);
    }
    const chosen: Delivery[] = [];
    const query: DeliveryQuery = { ...given, state: given.state ?? "dead" };
    for await (const { delivery } of search(this.#session, query, "oldest first")) {
      if (chosen.length === limit) break;
      chosen.push(delivery);
    }
    return chosen;
  }

  async #release(ticket: Ticket): Promise<void> {
    const now = Date.now();
    await this.#session.use(async (connected) => {
      const input = [ticket.id, ticket.lease, "release", now, "0", "", "", "", ""];
      await Promise.all([
        this.#session.run(connected, "outboxSettle", ...input),
        this.#follow(handBack(connected, ticket, now)),
      ]);
    });
  }

  /** The record is changed already; a ticket that could not follow it is put right when it is drawn. */
  async #follow(following: Promise<unknown>): Promise<void> {
    await following.catch((error: unknown) => {
      this.#session.logger.debug({ err: error }, "a ticket did not follow its record");
    });
  }

  #nextLease(): string {
    this.#leases += 1;
    return `${this.#process}:${this.#leases}`;
  }
}

function ticketsOf({ deliveries }: Submission): NewTicket[] {
  return deliveries.map(({ id, endpointId, dueAt }) => ({ id, endpointId, dueAt, kind: "first" }));
}

function isFinished({ state }: Delivery): boolean {
  return state === "delivered" || state === "dead";
}

function* batchesOf<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let at = 0; at < items.length; at += batchSize) yield items.slice(at, at + batchSize);
}
