/** Carries POSTs through undici: one pool per endpoint, so that a slow one keeps nobody else's connections. */
import { Pool } from "undici";
import type { AttemptOutcome } from "../event/attempt-outcome.ts";
import type { Endpoint } from "../event/endpoint.ts";
import { ResponseHandler } from "./response.ts";
import type { Post, Transport } from "./transport.ts";

/** undici's `connect` option: a function that opens and checks a socket. */
export type Connector = NonNullable<Pool.Options["connect"]>;

export class HttpTransport implements Transport {
  readonly #pools = new Map<string, Pool>();
  readonly #connectorFor: (endpoint: Endpoint) => Connector;
  readonly #now: () => number;

  constructor(connectorFor: (endpoint: Endpoint) => Connector, now: () => number) {
    this.#connectorFor = connectorFor;
    this.#now = now;
  }

  post({ endpoint, headers, body }: Post): Promise<AttemptOutcome> {
    return new Promise((resolve) => {
      const handler = new ResponseHandler(endpoint.timeoutMs, this.#now, resolve);
      const path = endpoint.url.pathname + endpoint.url.search;
      try {
        this.#poolOf(endpoint).dispatch(
          { method: "POST", path, headers: headers as string[], body },
          handler,
        );
      } catch (error) {
        handler.fail(error);
      }
    });
  }

  forget(endpointId: string): void {
    const pool = this.#pools.get(endpointId);
    this.#pools.delete(endpointId);
    pool?.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy().catch(() => undefined)));
  }

  #poolOf(endpoint: Endpoint): Pool {
    const known = this.#pools.get(endpoint.id);
    if (known !== undefined) return known;
    const pool = new Pool(endpoint.url.origin, {
      connections: endpoint.concurrency,
      pipelining: 1,
      connect: this.#connectorFor(endpoint),
      // The attempt's own deadline bounds both; undici's timers would only add a second, coarser one.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 10_000,
    });
    this.#pools.set(endpoint.id, pool);
    return pool;
  }
}
