/** One connection to an endpoint, for one attempt at a time. */
import { Client } from "undici";

/** undici's `connect` option: a function that opens and checks a socket. */
export type Connector = NonNullable<Client.Options["connect"]>;

/** Opens sockets until `signal` aborts; those still connecting then are cut. */
export type ConnectorFactory = (signal: AbortSignal) => Connector;

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
