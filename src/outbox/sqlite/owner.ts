/** Who holds the claims in a shared file, how a holder shows that it lives, and how one is known to be dead. */
import { readFileSync, readlinkSync } from "node:fs";
import type { Database, Statement } from "./driver.ts";
import type { Ledger } from "./ledger.ts";
import type { SqliteOrder } from "./order.ts";

/** Observations per lease: every process looks at the others so often. */
export const looksPerLease = 6;
/** Looks without a sign of life after which a holder counts as dead. With the look before them they fit in a lease. */
const looksUntilDead = 4;

interface OwnerRow {
  readonly id: number;
  readonly beat: number;
  readonly host: string | null;
  readonly pid: number;
  readonly started: string | null;
}

/** A process's row among the owners, kept while the connection changes; 0 while it has none. */
export interface Identity {
  id: number;
}

/**
 * Liveness is a number that changes, watched over several looks: no clock is compared with another, so a clock that is
 * set cannot make a living process look dead. On the same host a process id that is gone is proof, without waiting.
 */
export class Ownership {
  readonly #database: Database;
  readonly #exists: Statement<[number], number>;
  readonly #insert: Statement<[string | null, number, string | null]>;
  readonly #beat: Statement<[number]>;
  readonly #others: Statement<[number], OwnerRow>;
  readonly #beatOf: Statement<[number], number>;
  readonly #holds: Statement<[number], number>;
  readonly #handBack: Statement<[number], { endpoint: number; orderKey: string | null }>;
  readonly #takeBackLimits: Statement<[number]>;
  readonly #delete: Statement<[number]>;
  readonly #ledger: Ledger;
  readonly #order: SqliteOrder;
  readonly #seen = new Map<number, { beat: number; looks: number }>();
  readonly #self: Identity;
  #beatIsDue = true;
  /** The row was seen within this transaction. */
  #isConfirmed = false;

  constructor(database: Database, ledger: Ledger, order: SqliteOrder, self: Identity) {
    this.#database = database;
    this.#ledger = ledger;
    this.#order = order;
    this.#self = self;
    this.#exists = database.prepare<[number], number>("SELECT 1 FROM owners WHERE id = ?").pluck();
    this.#insert = database.prepare("INSERT INTO owners (beat, host, pid, started) VALUES (0, ?, ?, ?)");
    this.#beat = database.prepare("UPDATE owners SET beat = beat + 1 WHERE id = ?");
    this.#others = database.prepare("SELECT id, beat, host, pid, started FROM owners WHERE id <> ?");
    this.#beatOf = database.prepare<[number], number>("SELECT beat FROM owners WHERE id = ?").pluck();
    this.#holds = database
      .prepare<[number], number>("SELECT 1 FROM deliveries WHERE owner = ? AND state = 1 LIMIT 1")
      .pluck();
    this.#handBack = database.prepare(
      `UPDATE deliveries SET state = 0, owner = NULL, lease = lease + 1 WHERE owner = ? AND state = 1
       RETURNING endpoint, order_key AS orderKey`,
    );
    this.#takeBackLimits = database.prepare("DELETE FROM limits WHERE owner = ?");
    this.#delete = database.prepare("DELETE FROM owners WHERE id = ?");
  }

  /** The number to claim under. Within a transaction; a process that was taken for dead gets a new one. */
  claimant(): number {
    if (this.#isConfirmed) return this.#self.id;
    if (this.#self.id === 0 || this.#exists.get(this.#self.id) === undefined) {
      this.#self.id = Number(this.#insert.run(hostId, process.pid, startOf(process.pid)).lastInsertRowid);
    } else {
      this.#showLife();
    }
    this.#isConfirmed = true;
    return this.#self.id;
  }

  /** Says that the next transaction should show a sign of life. Returns whether one must be made for it. */
  needsBeat(): boolean {
    const wasShown = !this.#beatIsDue;
    this.#beatIsDue = true;
    return !wasShown && this.#holdsClaims;
  }

  get #holdsClaims(): boolean {
    return this.#self.id !== 0 && this.#holds.get(this.#self.id) !== undefined;
  }

  /** Looks at every other holder. Returns those that are dead. Reads only. */
  findDead(): readonly OwnerRow[] {
    const others = this.#others.all(this.#self.id);
    const dead = others.filter((owner) => this.#looksDead(owner));
    const present = new Set(others.map(({ id }) => id));
    for (const id of this.#seen.keys()) {
      if (!present.has(id)) this.#seen.delete(id);
    }
    return dead;
  }

  /** Makes pending what a dead process held, unless it showed life in between. Within a transaction. */
  takeOver(owner: OwnerRow): void {
    if (this.#beatOf.get(owner.id) === owner.beat) this.#end(owner.id);
  }

  /** Hands back what this process holds. Within a transaction. */
  resign(): void {
    if (this.#self.id !== 0) this.#end(this.#self.id);
    this.#self.id = 0;
  }

  /** Ends a transaction that succeeds, with a sign of life where one is due. */
  commit(): void {
    this.#showLife();
    this.#isConfirmed = false;
  }

  /** A transaction that failed may have been the one that wrote the row. */
  rollback(): void {
    this.#isConfirmed = false;
    this.#beatIsDue = true;
    if (this.#self.id !== 0 && this.#database.open && this.#exists.get(this.#self.id) === undefined)
      this.#self.id = 0;
  }

  #showLife(): void {
    if (this.#self.id !== 0 && this.#beatIsDue) this.#beat.run(this.#self.id);
    this.#beatIsDue = false;
  }

  #end(id: number): void {
    for (const { endpoint, orderKey } of this.#handBack.all(id)) {
      this.#ledger.count(endpoint, "delivering", "pending");
      if (orderKey !== null) this.#order.look(endpoint, orderKey);
    }
    this.#takeBackLimits.run(id);
    this.#delete.run(id);
  }

  #looksDead(owner: OwnerRow): boolean {
    if (isProvablyDead(owner)) return true;
    const seen = this.#seen.get(owner.id);
    const looks = seen?.beat === owner.beat ? seen.looks + 1 : 0;
    this.#seen.set(owner.id, { beat: owner.beat, looks });
    return looks >= looksUntilDead;
  }
}

/** True only where process ids of the owner and of this process come from the same running system and container. */
function isProvablyDead(owner: OwnerRow): boolean {
  if (hostId === null || owner.host !== hostId) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
  const started = startOf(owner.pid);
  return started !== null && owner.started !== null && started !== owner.started;
}

/** Names this boot of the machine and the namespace its process ids belong to; null where that cannot be known. */
const hostId = readHostId();

function readHostId(): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

/** When a process started, in the kernel's ticks: tells a process from a later one with the same id. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; the start time is the 20th field after it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
