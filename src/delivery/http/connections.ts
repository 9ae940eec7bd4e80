/** The connections to one endpoint: each attempt has one to itself, and one that went wrong never serves another. */
import { AsyncResource } from "node:async_hooks";
import { Client } from "undici";
import type { Openings } from "./openings.ts";

/** undici's `connect` option: a function that opens and checks a socket. */
export type Connector = NonNullable<Client.Options["connect"]>;

/** Opens sockets until `signal` aborts; those still connecting then are cut. */
export type ConnectorFactory = (signal: AbortSignal) => Connector;

/**
 * undici's Pool would let an attempt wait behind a connection that is still being opened for one that is over, and
 * loses sight of clients that failed to connect, so that it neither counts nor closes them.
 */
export class Connections {
  readonly #origin: string;
  readonly #connectorFor: ConnectorFactory;
  readonly #openings: Openings;
  readonly #idle: Connection[] = [];
  readonly #busy = new Set<Connection>();
  readonly #waiting: ((connection: Connection) => void)[] = [];
  #open = true;

  constructor(origin: string, connectorFor: ConnectorFactory, openings: Openings) {
    this.#origin = origin;
    this.#connectorFor = connectorFor;
    this.#openings = openings;
  }

  /** Tells whether any is lent. */
  get busy(): boolean {
    return this.#busy.size > 0 || this.#waiting.length > 0;
  }

  /** Calls `use` with a connection as soon as there is one: idle, given back, or new. */
  take(use: (connection: Connection) => void): void {
    const idle = this.#idle.pop();
    if (idle !== undefined) return this.#lend(idle, use);
    // Whoever gives one back, or opens one, must not pass on its own asynchronous context.
    this.#waiting.push(AsyncResource.bind(use));
    this.#openings.ask(() => {
      const next = this.#waiting.shift();
      if (next !== undefined) this.#lend(this.#create(), next);
    });
  }

  /** Takes a connection back. `healthy` where its exchange came to its proper end. */
  release(connection: Connection, healthy: boolean): void {
    this.#busy.delete(connection);
    if (!healthy || !this.#open) return connection.cut();
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else this.#lend(connection, next);
  }

  /** Closes what is idle now, and what is busy when it is released. */
  close(): void {
    this.#open = false;
    for (const connection of this.#idle.splice(0)) connection.cut();
  }

  cutAll(): void {
    this.close();
    for (const connection of this.#busy) connection.cut();
  }

  #create(): Connection {
    const connection = new Connection(this.#origin, this.#connectorFor);
    // One that the receiver hung up would be opened anew by whoever takes it.
    connection.client.on("disconnect", () => {
      const index = this.#idle.indexOf(connection);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    return connection;
  }

  #lend(connection: Connection, use: (connection: Connection) => void): void {
    this.#busy.add(connection);
    use(connection);
  }
}

export class Connection {
  readonly client: Client;
  readonly #abort = new AbortController();

  constructor(origin: string, connectorFor: ConnectorFactory) {
    this.client = new Client(origin, {
      pipelining: 1,
      connect: connectorFor(this.#abort.signal),
      // The attempt's own deadline bounds both; undici's timers would only add a second, coarser one.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 10_000,
    });
  }

  /** Ends it at once, also while it is still being opened, which undici would wait for. */
  cut(): void {
    this.client.destroy().catch(() => undefined);
    this.#abort.abort();
  }
}
