/** Loads the transport, and undici with it, when the first POST asks: a program that never delivers does not pay for it. */
import type { Endpoint } from "../../event/endpoint.ts";
import type { NetworkPolicy } from "../../security/network-policy.ts";
import { wordOf } from "./failure.ts";
import { cutOff, type Post, type Posted, type Transport } from "./transport.ts";

/** In the `background`, what is under way keeps no process alive. */
export function createTransport(
  policy: NetworkPolicy,
  now: () => number,
  background: boolean,
  maxSockets: number,
): Transport {
  return new TransportOnDemand(async () => {
    const [{ createGuardedConnector }, { HttpTransport }] = await Promise.all([
      import("../../security/connector.ts"),
      import("./http-transport.ts"),
    ]);
    return new HttpTransport(
      (endpoint, signal) =>
        createGuardedConnector(policy, { timeout: endpoint.timeoutMs, signal, background }),
      now,
      maxSockets,
    );
  });
}

class TransportOnDemand implements Transport {
  readonly #load: () => Promise<Transport>;
  #loading: Promise<Transport> | undefined;
  #loaded: Transport | undefined;
  #closed = false;

  constructor(load: () => Promise<Transport>) {
    this.#load = load;
  }

  post(post: Post): Promise<Posted> {
    return this.#loaded === undefined ? this.#postWhenLoaded(post) : this.#loaded.post(post);
  }

  forget(endpoint: Endpoint): void {
    this.#loaded?.forget(endpoint);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#loading)?.close();
  }

  async #postWhenLoaded(post: Post): Promise<Posted> {
    if (this.#closed) return cutOff;
    try {
      this.#loading ??= this.#load();
      this.#loaded = await this.#loading;
    } catch (error) {
      // What was short may be there the next time.
      this.#loading = undefined;
      return { ...cutOff, ours: wordOf(error) };
    }
    return this.#loaded.post(post);
  }
}
