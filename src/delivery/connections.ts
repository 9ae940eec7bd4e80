/** The connections to one endpoint: each attempt has one to itself, and one that went wrong never serves another. */
import { Client } from "undici";

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
  readonly #idle: Connection[] = [];
  readonly #busy = new Set<Connection>();
  #open = true;

  constructor(origin: string, connectorFor: ConnectorFactory) {
    this.#origin = origin;
    this.#connectorFor = connectorFor;
  }

  take(): Connection {
    const connection = this.#idle.pop() ?? new Connection(this.#origin, this.#connectorFor);
    this.#busy.add(connection);
    return connection;
  }

  /** Takes a connection back. `healthy` where its exchange came to its proper end. */
  release(connection: Connection, healthy: boolean): void {
    this.#busy.delete(connection);
    if (healthy && this.#open) this.#idle.push(connection);
    else connection.cut();
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
