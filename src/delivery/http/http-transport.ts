/** Carries POSTs through undici, over connections that no other endpoint shares. */
import type { AttemptOutcome } from "../../event/attempt-outcome.ts";
import type { Endpoint } from "../../event/endpoint.ts";
import { asOwnWork } from "../../event/own-work.ts";
import { createRedactor, type Redactor } from "../../security/redact.ts";
import { type Connection, Connections, type Connector } from "./connections.ts";
import { Openings } from "./openings.ts";
import { ResponseHandler } from "./response.ts";
import { cutOff, type Post, type Transport } from "./transport.ts";

interface Way {
  readonly connections: Connections;
  readonly path: string;
  readonly redact: Redactor;
}

/** Runs as own work what it does: see `asOwnWork`. */
export class HttpTransport implements Transport {
  readonly #ways = new Map<Endpoint, Way>();
  /** Of endpoints that are gone, until their posts have ended. */
  readonly #forgotten = new Set<Connections>();
  readonly #openings = new Openings();
  /** Outcomes heard in this turn of the event loop. */
  #heard: (() => void)[] = [];
  #closed = false;
  readonly #connectorFor: (endpoint: Endpoint, signal: AbortSignal) => Connector;
  readonly #now: () => number;

  constructor(connectorFor: (endpoint: Endpoint, signal: AbortSignal) => Connector, now: () => number) {
    this.#connectorFor = connectorFor;
    this.#now = now;
  }

  post(post: Post): Promise<AttemptOutcome> {
    if (this.#closed) return Promise.resolve(cutOff);
    const way = this.#wayTo(post.endpoint);
    return new Promise((resolve) => {
      way.connections.take((connection) => asOwnWork(() => this.#exchange(post, way, connection, resolve)));
    });
  }

  forget(endpoint: Endpoint): void {
    for (const connections of this.#forgotten) if (!connections.busy) this.#forgotten.delete(connections);
    const connections = this.#ways.get(endpoint)?.connections;
    if (connections === undefined) return;
    connections.close();
    this.#ways.delete(endpoint);
    this.#forgotten.add(connections);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { connections } of this.#ways.values()) connections.cutAll();
    for (const connections of this.#forgotten) connections.cutAll();
    this.#ways.clear();
    this.#forgotten.clear();
  }

  #exchange(
    { endpoint, headers, body }: Post,
    { connections, path, redact }: Way,
    connection: Connection,
    resolve: (outcome: AttemptOutcome) => void,
  ): void {
    if (this.#closed) {
      connections.release(connection, false);
      return resolve(cutOff);
    }
    const handler = new ResponseHandler(endpoint.timeoutMs, this.#now, redact, (outcome, whole) => {
      connections.release(connection, whole);
      this.#tellLater(() => resolve(outcome));
    });
    try {
      connection.client.dispatch({ method: "POST", path, headers: headers as string[], body }, handler);
    } catch (error) {
      handler.fail(error);
    }
  }

  /** At the end of this turn, all together: code that alternates with the network's costs a tenth more. */
  #tellLater(tell: () => void): void {
    this.#heard.push(tell);
    if (this.#heard.length > 1) return;
    setImmediate(() => {
      const heard = this.#heard;
      this.#heard = [];
      for (const each of heard) each();
    });
  }

  #wayTo(endpoint: Endpoint): Way {
    const known = this.#ways.get(endpoint);
    if (known !== undefined) return known;
    const { url } = endpoint;
    const way = {
      connections: new Connections(
        url.origin,
        (signal) => this.#connectorFor(endpoint, signal),
        this.#openings,
      ),
      path: url.pathname + url.search,
      redact: createRedactor(confidentialTextsOf(endpoint)),
    };
    this.#ways.set(endpoint, way);
    return way;
  }
}

/** What a receiver that echoes its request would otherwise bring into our records. */
function confidentialTextsOf({ url, secrets, headers }: Endpoint): string[] {
  const values = [...headers.values()].map((value) => value.reveal());
  return [
    ...secrets.map((secret) => secret.reveal()),
    ...values,
    // Of `Bearer …` and `Basic …` the credential alone, too.
    ...values.flatMap((value) => value.split(" ").slice(1)),
    url.pathname + url.search,
    url.pathname,
    ...url.searchParams.values(),
    ...url.pathname.split("/").filter((segment) => segment.length >= 16),
  ];
}
