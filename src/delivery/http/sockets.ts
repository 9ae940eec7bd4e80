/** Bounds the sockets over all endpoints: an idle one gives way, the one that was used longest ago first. */
import { clearTimeout, monotonicNow, setImmediate, setTimeout } from "../../time/timers.ts";

/** Those who open sockets: the connections of one endpoint. */
export interface SocketUser {
  /** May open one. Calls `free` where nobody needs it any more. */
  open(): void;
}

interface IdleSocket {
  /** Closes it, and calls `free`. */
  evict(): void;
}

/** After the process was short of descriptors: nothing is opened for so long. */
const restMs = 1000;
/** How long until more sockets than at the last shortage are tried. */
const growAfterMs = 10_000;

export class Sockets {
  readonly #most: number;
  readonly #openings = new Openings();
  /** Used longest ago first. */
  readonly #idle = new Set<IdleSocket>();
  #waiting: SocketUser[] = [];
  #open = 0;
  #limit: number;
  #limitedAt = 0;
  #rest: NodeJS.Timeout | undefined;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  /** Lets the user open one as soon as there is room. */
  ask(user: SocketUser): void {
    if (this.#waiting.length === 0 && (this.#hasRoom() || this.#makeRoom())) this.#grant(user);
    else this.#waiting.push(user);
  }

  /** Takes back what the user asked for first: it got one that was given back. */
  withdraw(user: SocketUser): void {
    const index = this.#waiting.indexOf(user);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /** Tells whether another user has waited longest, so that whoever gives one back should close it. */
  isWantedByOthers(user: SocketUser): boolean {
    return this.#waiting.length > 0 && this.#waiting[0] !== user;
  }

  nowIdle(socket: IdleSocket): void {
    this.#idle.add(socket);
  }

  nowBusy(socket: IdleSocket): void {
    this.#idle.delete(socket);
  }

  /** One was closed, or was never opened. */
  free(): void {
    this.#open -= 1;
    this.#grantWaiting();
  }

  /** The process could not open one more: there is room for fewer than thought, and for a moment none is opened. */
  short(): void {
    if (this.#rest !== undefined) return;
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      this.#grantWaiting();
    }, restMs);
    // A tenth is left to the rest of the program.
    this.#limit = Math.max(1, Math.floor((Math.min(this.#limit, this.#open) - 1) * 0.9));
    this.#limitedAt = monotonicNow();
    while (this.#open > this.#limit && this.#evict());
  }

  /** Whoever waits may go on: nothing will be opened any more. */
  close(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    this.#limit = Number.POSITIVE_INFINITY;
    this.#grantWaiting();
  }

  #grantWaiting(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) this.#grant(this.#waiting.shift() as SocketUser);
  }

  #grant(user: SocketUser): void {
    this.#open += 1;
    this.#openings.ask(() => user.open());
  }

  #hasRoom(): boolean {
    if (this.#rest !== undefined) return false;
    if (this.#open < this.#limit) return true;
    if (this.#limit >= this.#most || monotonicNow() - this.#limitedAt < growAfterMs) return false;
    this.#limit = Math.min(this.#most, Math.ceil(this.#limit * 1.1));
    this.#limitedAt = monotonicNow();
    return true;
  }

  #makeRoom(): boolean {
    return this.#rest === undefined && this.#evict() && this.#open < this.#limit;
  }

  #evict(): boolean {
    const [oldest] = this.#idle;
    if (oldest === undefined) return false;
    this.#idle.delete(oldest);
    oldest.evict();
    return true;
  }
}

const perTurn = 8;

/** Spreads the opening of connections over turns of the event loop: hundreds at once would keep answers waiting. */
export class Openings {
  #left = perTurn;
  #waiting: (() => void)[] = [];

  /** Calls `open` in this turn, or in a later one. */
  ask(open: () => void): void {
    if (this.#left === perTurn) setImmediate(() => this.#nextTurn());
    if (this.#left === 0) {
      this.#waiting.push(open);
      return;
    }
    this.#left -= 1;
    open();
  }

  #nextTurn(): void {
    this.#left = perTurn;
    for (const open of this.#waiting.splice(0, perTurn)) this.ask(open);
  }
}
