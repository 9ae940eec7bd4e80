/** How many claims the SQLite outbox grants under an endpoint's limits, counted over all processes that share the file. */
import type { Database, Statement } from "./driver.ts";
import type { EndpointLimits } from "../../event/endpoint-state.ts";
import { countGrant, type Grants, type Room, roomUnder, stricter } from "../limits.ts";
import type { Ledger } from "./ledger.ts";
import type { SqliteOrder } from "./order.ts";
import type { Ownership } from "./owner.ts";

export interface SqliteRoom extends Room {
  /** What holds for this claim. */
  readonly limits: EndpointLimits;
  readonly grants: Grants;
  /** Another process asks under stricter limits. */
  readonly stricter: boolean;
}

export class SqliteGrants {
  readonly #ledger: Ledger;
  readonly #ownership: Ownership;
  readonly #order: SqliteOrder;
  /** The limits this process has written, by endpoint. */
  readonly #said = new Map<number, string>();
  readonly #readGrants: Statement<[number], string | null>;
  readonly #writeGrants: Statement<[string, number]>;
  readonly #sayLimits: Statement<[number, number, string]>;
  readonly #otherLimits: Statement<[number, number], string>;

  constructor(database: Database, ledger: Ledger, ownership: Ownership, order: SqliteOrder) {
    this.#ledger = ledger;
    this.#ownership = ownership;
    this.#order = order;
    this.#readGrants = database
      .prepare<[number], string | null>("SELECT grants FROM endpoints WHERE key = ?")
      .pluck();
    this.#writeGrants = database.prepare("UPDATE endpoints SET grants = ? WHERE key = ?");
    this.#sayLimits = database.prepare("INSERT OR REPLACE INTO limits VALUES (?, ?, ?)");
    this.#otherLimits = database
      .prepare<[number, number], string>("SELECT said FROM limits WHERE endpoint = ? AND owner <> ?")
      .pluck();
  }

  /** Returns how many of `wanted` deliveries may be granted. Within a transaction. */
  room(endpointKey: number, asked: EndpointLimits, wanted: number, now: number): SqliteRoom {
    const owner = this.#ownership.claimant();
    const { rate, concurrency, perPost } = asked;
    const own = JSON.stringify({ rate, concurrency });
    if (this.#said.get(endpointKey) !== own) {
      this.#sayLimits.run(endpointKey, owner, own);
      this.#said.set(endpointKey, own);
    }
    let limits: EndpointLimits = asked;
    const others = this.#otherLimits.all(endpointKey, owner);
    for (const said of others) {
      if (said !== own) limits = stricter(limits, JSON.parse(said) as EndpointLimits);
    }
    const isStricter = limits.rate !== rate || limits.concurrency !== concurrency;
    const grants = limits.rate === undefined ? [] : this.#grantsOf(endpointKey);
    const held = limits.concurrency === undefined ? 0 : this.#ledger.delivering(endpointKey);
    const use = { held, isAlone: others.length === 0, grants, now };
    const room = roomUnder({ ...limits, ...(perPost === undefined ? {} : { perPost }) }, wanted, use);
    return { ...room, limits, grants, stricter: isStricter };
  }

  /** Counts what was granted in that room. */
  granted(endpointKey: number, { limits, grants }: SqliteRoom, deliveries: number, now: number): void {
    if (limits.rate === undefined || deliveries === 0) return;
    countGrant(limits, deliveries, grants, now);
    this.#writeGrants.run(JSON.stringify(grants), endpointKey);
  }

  /** Hears how an endpoint's dead are treated where their order matters. */
  treatDead(endpointKey: number, asked: EndpointLimits | undefined): void {
    this.#order.treatDead(endpointKey, asked?.order ?? "skip");
  }

  /** What was said in a transaction that was rolled back, or under another number, is said again. */
  rollback(): void {
    this.#said.clear();
  }

  #grantsOf(endpointKey: number): Grants {
    const written = this.#readGrants.get(endpointKey);
    return written === null || written === undefined ? [] : (JSON.parse(written) as Grants);
  }
}
