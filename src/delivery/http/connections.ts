/** The connections to one endpoint: each attempt has one to itself, and one that went wrong never serves another. */
import { AsyncResource } from "node:async_hooks";
import { Client } from "undici";
import type { Sockets, SocketUser } from "./sockets.ts";

/** undici's `connect` option: a function that opens and checks a socket. */
export type Connector = NonNullable<Client.Options["connect"]>;

/** Opens sockets until `signal` aborts; those still connecting then are cut. */
export type ConnectorFactory = (signal: AbortSignal) => Connector;

/** How long one may be idle. */
const defaultIdleMs = 10_000;

/**
 * undici's Pool would let an attempt wait behind a connection that is still being opened for one that is over, and
 * loses sight of clients that failed to connect, so that it neither counts nor closes them.
 */
export class Connections implements SocketUser {
  readonly #origin: string;
  readonly #connectorFor: ConnectorFactory;
  readonly #sockets: Sockets;
  readonly #idleMs: number;
  readonly #idle: Connection[] = [];
  readonly #busy = new Set<Connection>();
  readonly #waiting: ((connection: Connection) => void)[] = [];
  #open = true;

  constructor(
    origin: string,
    connectorFor: ConnectorFactory,
    sockets: Sockets,
    idleMs: number = defaultIdleMs,
  ) {
    this.#origin = origin;
    this.#connectorFor = connectorFor;
    this.#sockets = sockets;
    this.#idleMs = idleMs;
  }

  /** Tells whether any is lent. */
  get busy(): boolean {
    return this.#busy.size > 0 || this.#waiting.length > 0;
  }

  /** Calls `use` with a connection as soon as there is one: idle, given back, or new. */
  take(use: (connection: Connection) => void): void {
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      this.#sockets.nowBusy(idle);
      return this.#lend(idle, use);
    }
    // Whoever gives one back, or opens one, must not pass on its own asynchronous context.
    this.#waiting.push(AsyncResource.bind(use));
    this.#sockets.ask(this);
  }

  open(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return this.#sockets.free();
    const connection = new Connection(this.#origin, this.#connectorFor, this.#idleMs, (ended) =>
      this.#endIdle(ended),
    );
    this.#lend(connection, next);
  }

  /** Takes a connection back. `healthy` where its exchange came to its proper end. */
  release(connection: Connection, healthy: boolean): void {
    this.#busy.delete(connection);
    if (!healthy || !this.#open || this.#sockets.isWantedByOthers(this)) return this.#end(connection);
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#idle.push(connection);
      this.#sockets.nowIdle(connection);
    } else {
      this.#sockets.withdraw(this);
      this.#lend(connection, next);
    }
  }

  /** Closes what is idle now, and what is busy when it is released. */
  close(): void {
    this.#open = false;
    for (const connection of [...this.#idle]) this.#endIdle(connection);
  }

  cutAll(): void {
    this.close();
    for (const connection of this.#busy) connection.cut();
  }

  #lend(connection: Connection, use: (connection: Connection) => void): void {
    this.#busy.add(connection);
    use(connection);
  }

  #endIdle(connection: Connection): void {
    const index = this.#idle.indexOf(connection);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    this.#sockets.nowBusy(connection);
    this.#end(connection);
  }

  #end(connection: Connection): void {
    if (connection.cut()) this.#sockets.free();
  }
}

/** One connection to an endpoint, for one attempt at a time. */
export class Connection {
  readonly client: Client;
  readonly evict: () => void;
  readonly #abort = new AbortController();
  #over = false;

  /** `end` hears when an idle one is over: the receiver hung up, it was idle for too long, or another needs its place. */
  constructor(
    origin: string,
    connectorFor: ConnectorFactory,
    idleMs: number,
    end: (connection: Connection) => void,
  ) {
    this.evict = () => end(this);
    this.client = new Client(origin, {
      pipelining: 1,
      connect: connectorFor(this.#abort.signal),
      // The attempt's own deadline bounds both; undici's timers would only add a second, coarser one.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: idleMs,
      // Whatever the receiver hints at.
      keepAliveMaxTimeout: idleMs,
    });
    // One that the receiver hung up would be opened anew by whoever takes it.
    this.client.on("disconnect", this.evict);
  }

  /** Ends it at once, also while it is still being opened, which undici would wait for. Returns false where it was over. */
  cut(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.client.destroy().catch(() => undefined);
    this.#abort.abort();
    return true;
  }
}
