/**
 * Routing decisions of the SQLite outbox: the same for most events of a type, so that each set is written once and events
 * name it by a number. In an event's row `7` names set 7, and `off7` too, where some endpoint was off; a text that starts
 * with `[` is the set itself, as version 1 wrote it.
 */
import { createHash } from "node:crypto";
import type { Database, Statement } from "./driver.ts";
import type { RoutingDecision } from "../../event/routing-decision.ts";

type Decisions = readonly RoutingDecision[];

interface Known {
  readonly name: string;
  /** The sequence number of the event it was written for. */
  readonly since: number;
}

/** A set is named by events up to so many sequence numbers later: then it is written anew, and the old one can be forgotten. */
const reach = 1_000_000;

export class SqliteDecisions {
  #known = new WeakMap<Decisions, Known>();
  readonly #read = new Map<number, Decisions>();
  readonly #find: Statement<[string, number], { key: number; since: number }>;
  readonly #insert: Statement<[string, number, string]>;
  readonly #get: Statement<[number], string>;
  readonly #withOff: Statement<[], { key: number; decisions: string }>;
  readonly #forget: Statement<[number]>;

  constructor(database: Database) {
    this.#find = database.prepare(
      "SELECT key, since FROM decisions WHERE hash = ? AND since > ? ORDER BY since DESC LIMIT 1",
    );
    this.#insert = database.prepare("INSERT INTO decisions (hash, since, decisions) VALUES (?, ?, ?)");
    this.#get = database.prepare<[number], string>("SELECT decisions FROM decisions WHERE key = ?").pluck();
    this.#withOff = database.prepare(
      `SELECT key, decisions FROM decisions WHERE instr(decisions, '"reason":"disabled"') > 0`,
    );
    this.#forget = database.prepare(
      `DELETE FROM decisions WHERE since < coalesce((SELECT min(seq) FROM events), (SELECT next_seq FROM store)) - ?`,
    );
  }

  /** Returns what an event with this sequence number writes for its decisions. Within a transaction. */
  nameOf(decisions: Decisions, sequence: number): string {
    const known = this.#known.get(decisions);
    if (known !== undefined && known.since > sequence - reach) return known.name;
    const text = JSON.stringify(decisions);
    const hash = createHash("sha256").update(text).digest("base64");
    const found = this.#find.get(hash, sequence - reach);
    const key = found?.key ?? Number(this.#insert.run(hash, sequence, text).lastInsertRowid);
    const wasOff = decisions.some((decision) => !decision.routed && decision.reason === "disabled");
    const name = wasOff ? `off${key}` : String(key);
    this.#known.set(decisions, { name, since: found?.since ?? sequence });
    return name;
  }

  /** Returns the decisions that an event's row names. */
  read(written: string): Decisions {
    if (written.startsWith("[")) return JSON.parse(written) as Decisions;
    const key = Number(written.replace("off", ""));
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const decisions = JSON.parse(this.#get.get(key) ?? "[]") as Decisions;
    if (this.#read.size > 100) this.#read.clear();
    this.#read.set(key, decisions);
    return decisions;
  }

  /** Returns the names of the sets by which an endpoint was off. */
  namesWhereOff(endpointId: string): string[] {
    return this.#withOff
      .all()
      .filter(({ decisions }) =>
        (JSON.parse(decisions) as Decisions).some(
          (decision) =>
            decision.endpointId === endpointId && !decision.routed && decision.reason === "disabled",
        ),
      )
      .map(({ key }) => `off${key}`);
  }

  /** Forgets sets that no event can name any more. Within a transaction. */
  forgetOld(): void {
    this.#forget.run(reach);
  }

  /** A transaction that was rolled back may have been the one that wrote a set. */
  rollback(): void {
    this.#known = new WeakMap();
    this.#read.clear();
  }
}
