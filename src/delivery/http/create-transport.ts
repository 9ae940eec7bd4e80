/** Puts the transport together with the address guard; loaded by the start, because it brings undici. */
import { createGuardedConnector } from "../../security/connector.ts";
import { type NetworkOptions, resolvePolicy } from "../../security/network-policy.ts";
import { HttpTransport } from "./http-transport.ts";
import type { Transport } from "./transport.ts";

/** In the `background`, what is under way keeps no process alive. */
export function createTransport(network: NetworkOptions, now: () => number, background: boolean): Transport {
  const policy = resolvePolicy(network);
  return new HttpTransport(
    (endpoint, signal) => createGuardedConnector(policy, { timeout: endpoint.timeoutMs, signal, background }),
    now,
  );
}
