/** Carries POSTs through undici, over connections that no other endpoint shares. */
import type { Endpoint } from "../../event/endpoint.ts";
import { asOwnWork } from "../../event/own-work.ts";
import { createRedactor, type Redactor } from "../../security/redact.ts";
import { confidentialTextsOf } from "./confidential-texts.ts";
import type { Connection, Connector } from "./connection.ts";
import { Connections } from "./connections.ts";
import { isShortage } from "./failure.ts";
import { ResponseHandler } from "./response.ts";
import { Sockets } from "./sockets.ts";
import { cutOff, type Post, type Posted, type Transport } from "./transport.ts";
import { setImmediate } from "../../time/timers.ts";

interface Way {
  readonly connections: Connections;
  readonly path: string;
  readonly redact: Redactor;
}

/** Runs everything it does as own work: see `asOwnWork`. */
export class HttpTransport implements Transport {
  readonly #ways = new Map<Endpoint, Way>();
  /** Of endpoints that are gone, until their posts have ended. */
  readonly #forgotten = new Set<Connections>();
  readonly #sockets: Sockets;
  /** Outcomes heard in this turn of the event loop. */
  #heard: (() => void)[] = [];
  #closed = false;
  readonly #connectorFor: (endpoint: Endpoint, signal: AbortSignal) => Connector;
  readonly #now: () => number;

  constructor(
    connectorFor: (endpoint: Endpoint, signal: AbortSignal) => Connector,
    now: () => number,
    maxSockets: number,
  ) {
    this.#connectorFor = connectorFor;
    this.#now = now;
    this.#sockets = new Sockets(maxSockets);
  }

  post(post: Post): Promise<Posted> {
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
    this.#sockets.close();
  }

  #exchange(
    { endpoint, headers, body }: Post,
    { connections, path, redact }: Way,
    connection: Connection,
    resolve: (posted: Posted) => void,
  ): void {
    if (this.#closed) {
      connections.release(connection, false);
      return resolve(cutOff);
    }
    const handler = new ResponseHandler(endpoint.timeoutMs, this.#now, redact, (outcome, whole) => {
      const ours = outcome.status === undefined ? this.#ownReason(outcome.detail) : undefined;
      connections.release(connection, whole);
      const posted = ours === undefined ? outcome : { ...outcome, ours };
      this.#tellLater(() => resolve(posted));
    });
    try {
      connection.client.dispatch({ method: "POST", path, headers: headers as string[], body }, handler);
    } catch (error) {
      handler.fail(error);
    }
  }

  /** Why an exchange failed that this process could not make, or cut off itself. */
  #ownReason(detail: string | undefined): string | undefined {
    if (this.#closed) return cutOff.ours;
    if (!isShortage(detail)) return undefined;
    this.#sockets.short();
    return detail;
  }

  /** Tells all outcomes at the end of this turn: code that alternates with the network's costs a tenth more. */
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
        this.#sockets,
      ),
      path: url.pathname + url.search,
      redact: createRedactor(confidentialTextsOf(endpoint)),
    };
    this.#ways.set(endpoint, way);
    return way;
  }
}
