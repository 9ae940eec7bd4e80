/** Renews what this process holds in Redis, and frees what dead processes held. */
import type { Ticker } from "../ticker.ts";
import type { RedisSession } from "./session.ts";
import { freeStalledTickets, handBack, renewTickets, type Ticket } from "./tickets.ts";

export class RedisUpkeep {
  /** By lease. */
  readonly held = new Map<string, Ticket>();
  /** Drawn, and perhaps claimed, but nobody here will attempt them. */
  readonly #unclear = new Set<Ticket>();
  readonly #session: RedisSession;
  readonly #stops: readonly (() => void)[];
  #renewing = false;
  #sweeping = false;

  /**
   * A lock lives half a lease, and every process looks for locks that ran out seven times in a lease: so that another
   * process has a dead one's claims within the lease.
   */
  constructor(session: RedisSession, every: Ticker) {
    this.#session = session;
    this.#stops = [
      every(session.lockMs / 3, () => void this.#renew()),
      every(session.leaseMs / 7, () => void this.#sweep()),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** Frees what one endpoint's dead claimers held. */
  async recover(endpointId: string): Promise<void> {
    const session = this.#session;
    const gone = await session.use(async (connected) => {
      await freeStalledTickets(connected, endpointId);
      return session.run(connected, "outboxRecover", endpointId);
    });
    this.sayGone(endpointId, Number(gone));
  }

  /** Says that records of an endpoint's deliveries vanished: evicted, or deleted by something else. */
  sayGone(endpointId: string, count: number): void {
    if (count > 0)
      this.#session.logger.error({ endpoint: endpointId, count }, "Redis lost records of deliveries");
  }

  /** Renews these no longer; they are released as soon as Redis can be reached. */
  giveUp(tickets: readonly Ticket[]): void {
    for (const ticket of tickets) {
      this.held.delete(ticket.lease);
      this.#unclear.add(ticket);
    }
  }

  /** Makes due again what was given up. */
  async releaseUnclear(): Promise<void> {
    await Promise.all(
      [...this.#unclear].map(async (ticket) => {
        await this.#release(ticket);
        this.#unclear.delete(ticket);
      }),
    );
  }

  /** Makes due again what this process holds; where that fails, the leases run out. */
  async releaseAll(): Promise<void> {
    this.giveUp([...this.held.values()]);
    if (!this.#session.isConnected) return;
    await this.releaseUnclear().catch((error: unknown) => {
      this.#session.logger.debug({ err: error }, "what is claimed becomes due when its lease runs out");
    });
  }

  /** Does nothing to what another lease holds by now. */
  async #release(ticket: Ticket): Promise<void> {
    const now = this.#session.now();
    await this.#session.use(async (connected) => {
      const input = [ticket.id, ticket.lease, "release", now, "0", "", "", "", "", ""];
      await Promise.all([
        this.#session.run(connected, "outboxSettle", ...input),
        this.#session.follow(handBack(connected, ticket, now)),
      ]);
    });
  }

  async #renew(): Promise<void> {
    // Without a connection there is nothing to renew: whoever needs one next makes it.
    if (this.#renewing || this.held.size === 0 || !this.#session.isConnected) return;
    this.#renewing = true;
    try {
      const { lockMs } = this.#session;
      await this.#session.use((connected) => renewTickets(connected, [...this.held.values()], lockMs));
    } catch (error) {
      this.#session.logger.debug({ err: error }, "leases were not renewed");
    } finally {
      this.#renewing = false;
    }
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping || !this.#session.isConnected) return;
    this.#sweeping = true;
    try {
      await this.releaseUnclear();
      const busy = await this.#session.use(({ client }) => client.smembers(`${this.#session.prefix}:busy`));
      await Promise.all(busy.map((endpointId) => this.recover(endpointId)));
    } catch (error) {
      this.#session.logger.debug({ err: error }, "stalled claims were not looked for");
    } finally {
      this.#sweeping = false;
    }
  }
}
