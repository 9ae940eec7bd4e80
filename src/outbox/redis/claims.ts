/** Claims and their ends in Redis: tickets drawn from BullMQ, looked up in the records, and handed back. */
import { randomUUID } from "node:crypto";
import type { Attempt } from "../../event/delivery.ts";
import { shareOfFirstAttempts } from "../due.ts";
import type { Claim, Settlement } from "../outbox.ts";
import { readClaim } from "./records.ts";
import type { RedisSession } from "./session.ts";
import {
  addTickets,
  drawTickets,
  handBack,
  type NewTicket,
  planRetry,
  queueName,
  tearUp,
  type Ticket,
  type TicketKind,
} from "./tickets.ts";
import type { RedisUpkeep } from "./upkeep.ts";

interface Taken {
  readonly ticket: Ticket;
  readonly claim: Claim;
  readonly dueAt: number;
}

export class RedisClaims {
  readonly #session: RedisSession;
  readonly #upkeep: RedisUpkeep;
  readonly #process = randomUUID();
  #leases = 0;
  #turn = 0;

  constructor(session: RedisSession, upkeep: RedisUpkeep) {
    this.#session = session;
    this.#upkeep = upkeep;
  }

  /** Rejects only where nothing was taken: what was, is renewed from then on and has to reach whoever attempts it. */
  async claim(endpointId: string, limit: number): Promise<readonly Claim[]> {
    const taken: Taken[] = [];
    try {
      await this.#upkeep.releaseUnclear();
      await this.#collect(endpointId, limit, taken);
    } catch (error) {
      // Closing the outbox released what it held.
      const isHeld = taken.some(({ ticket }) => this.#upkeep.held.has(ticket.lease));
      if (!isHeld) throw error;
      this.#session.logger.debug({ err: error }, "a claim ended early");
    }
    return taken.toSorted((left, right) => left.dueAt - right.dueAt).map(({ claim }) => claim);
  }

  async settle(claim: Claim, settlement: Settlement, attempt?: Attempt): Promise<"settled" | "lost"> {
    const ticket = claim.lease as Ticket;
    const { kind } = settlement;
    const dueAt = kind === "retry" || kind === "release" ? settlement.dueAt : this.#session.now();
    const reason = kind === "delivered" ? undefined : settlement.reason;
    const batch = (kind === "retry" ? settlement.batch : undefined) ?? "";
    const result = await this.#session.use(async (connected) => {
      const settled = this.#session.run(
        connected,
        "outboxSettle",
        ...[ticket.id, ticket.lease, kind, dueAt, reason === undefined ? "0" : "1", reason ?? "", batch],
        ...[
          attempt === undefined ? "" : JSON.stringify(attempt),
          attempt?.traceId ?? "",
          attempt?.spanId ?? "",
        ],
      );
      // On the same connection, so that it comes second. Where the lease is lost, BullMQ's lock is lost as well.
      const followed =
        kind === "retry"
          ? planRetry(connected, ticket, dueAt)
          : kind === "release"
            ? handBack(connected, ticket, dueAt)
            : tearUp(connected, ticket, reason);
      const [answer] = await Promise.all([settled, this.#session.follow(followed)]);
      return answer;
    });
    this.#upkeep.held.delete(ticket.lease);
    return result === 1 ? "settled" : "lost";
  }

  /** Adds to `taken` round by round. */
  async #collect(endpointId: string, limit: number, taken: Taken[]): Promise<void> {
    let wroteMissing = false;
    for (;;) {
      const { first, again } = await this.#plan(endpointId, limit - taken.length);
      if (first + again === 0) return;
      const drawn = await this.#draw(endpointId, first, again);
      const added = await this.#take(drawn);
      taken.push(...added);
      // Others were faster, or the tickets are missing or stuck with a dead holder.
      if (drawn.length < first + again) {
        if (wroteMissing) return;
        wroteMissing = true;
        if ((await this.#writeMissing(endpointId, first + again)) === 0) return;
      } else if (added.length === drawn.length) return;
    }
  }

  /** How many first attempts and how many retries a claim is to draw. */
  async #plan(endpointId: string, limit: number): Promise<{ first: number; again: number }> {
    const now = this.#session.now();
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
  async #take(drawn: readonly Ticket[]): Promise<Taken[]> {
    if (drawn.length === 0) return [];
    const input = drawn.flatMap(({ endpointId, kind, id, lease }) => [
      queueName(endpointId, kind),
      id,
      lease,
    ]);
    try {
      return await this.#session.use(async (connected) => {
        const answers = (await this.#session.run(
          connected,
          "outboxTake",
          this.#session.now(),
          ...input,
        )) as Buffer[][];
        const taken: Taken[] = [];
        const corrections: Promise<void>[] = [];
        for (const [index, ticket] of drawn.entries()) {
          const [verdict, ...rest] = answers[index] ?? [];
          if (String(verdict) === "claim") {
            this.#upkeep.held.set(ticket.lease, ticket);
            taken.push({ ticket, ...readClaim(ticket, rest) });
          } else if (String(verdict) === "later") {
            corrections.push(handBack(connected, ticket, Number(rest[0])));
          } else {
            corrections.push(tearUp(connected, ticket));
          }
        }
        await this.#session.follow(Promise.all(corrections));
        return taken;
      });
    } catch (error) {
      // Redis may have done it, and only the answer was lost.
      this.#upkeep.giveUp(drawn);
      throw error;
    }
  }

  /** Returns how many tickets were missing. Stuck ones are freed here or by whoever looks next. */
  async #writeMissing(endpointId: string, limit: number): Promise<number> {
    await this.#upkeep.recover(endpointId);
    const queues = [queueName(endpointId, "first"), queueName(endpointId, "again")];
    return this.#session.use(async (connected) => {
      const input = [endpointId, this.#session.now(), limit, ...queues];
      const [gone, ...found] = (await this.#session.run(connected, "outboxTicketless", ...input)) as [
        number,
        ...Buffer[],
      ];
      this.#upkeep.sayGone(endpointId, Number(gone));
      const answer = found.map(String);
      const tickets: NewTicket[] = [];
      for (let at = 0; at < answer.length; at += 3) {
        const [kind, id, dueAt] = answer.slice(at, at + 3) as [TicketKind, string, string];
        tickets.push({ endpointId, kind, id, dueAt: Number(dueAt) });
      }
      await addTickets(connected, tickets);
      return tickets.length;
    });
  }

  #nextLease(): string {
    this.#leases += 1;
    return `${this.#process}:${this.#leases}`;
  }
}
