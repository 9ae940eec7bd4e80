/** Carries POSTs through undici, which the first one loads, over connections that no other endpoint shares. */
import type { Endpoint } from "../../event/endpoint.ts";
import { asOwnWork } from "../../event/own-work.ts";
import { createRedactor, type Redactor } from "../../security/redact.ts";
import { confidentialTextsOf } from "./confidential-texts.ts";
import type { NetworkPolicy } from "../../security/network-policy.ts";
import type { Connection, Connections, Connector } from "./connections.ts";
import { isShortage, wordOf } from "./failure.ts";
import { ResponseHandler } from "./response.ts";
import { Sockets } from "./sockets.ts";
import { cutOff, type Post, type Posted, type Transport } from "./transport.ts";
import { setImmediate } from "../../time/timers.ts";

interface Way {
  readonly connections: Connections;
  readonly path: string;
  /** Made when the first answer is kept. */
  redact: Redactor | undefined;
}

type LoadConnectors = () => Promise<(endpoint: Endpoint, signal: AbortSignal) => Connector>;

/** Opens only what the policy permits. In the `background`, what is under way keeps no process alive. */
export function guardedConnectors(policy: NetworkPolicy, background: boolean): LoadConnectors {
  return async () => {
    const { createGuardedConnector } = await import("../../security/connector.ts");
    return ({ timeoutMs: timeout }, signal) =>
      createGuardedConnector(policy, { timeout, signal, background });
  };
}

export interface HttpTransportOptions {
  /** Loads what opens sockets to an endpoint. */
  readonly loadConnectors: LoadConnectors;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Over all endpoints. */
  readonly maxSockets: number;
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
  readonly #options: HttpTransportOptions;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#sockets = new Sockets(options.maxSockets);
  }

  post(post: Post): Promise<Posted> {
    if (this.#closed) return Promise.resolve(cutOff);
    const way = this.#ways.get(post.endpoint);
    return way === undefined ? this.#postFirst(post) : this.#postOver(way, post);
  }

  #postOver(way: Way, post: Post): Promise<Posted> {
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
    way: Way,
    connection: Connection,
    resolve: (posted: Posted) => void,
  ): void {
    const { connections, path } = way;
    if (this.#closed) {
      connections.release(connection, false);
      return resolve(cutOff);
    }
    const redact: Redactor = (text) => {
      way.redact ??= createRedactor(confidentialTextsOf(endpoint));
      return way.redact(text);
    };
    const handler = new ResponseHandler(endpoint.timeoutMs, this.#options.now, redact, (outcome, whole) => {
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

  /** A program that never delivers does not pay for undici. */
  async #postFirst(post: Post): Promise<Posted> {
    const { endpoint } = post;
    try {
      const [connectorFor, { Connections }] = await Promise.all([
        this.#options.loadConnectors(),
        import("./connections.ts"),
      ]);
      const { url } = endpoint;
      const known = this.#ways.get(endpoint);
      const way: Way = known ?? {
        connections: new Connections(url.origin, (signal) => connectorFor(endpoint, signal), this.#sockets),
        path: url.pathname + url.search,
        redact: undefined,
      };
      this.#ways.set(endpoint, way);
      return this.#closed ? cutOff : await this.#postOver(way, post);
    } catch (error) {
      // What was short may be there the next time.
      return { ...cutOff, ours: wordOf(error) };
    }
  }
}
