/** Opens connections for undici, and only to addresses that the policy permits: the check that counts. */
import type { LookupAddress } from "node:dns";
import { isIP, type LookupFunction, Socket } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { buildConnector } from "undici";
import { WebhookError } from "../event/errors.ts";
import { refuseAddress, refusePort, type Scheme } from "./judge-address.ts";
import type { NetworkPolicy } from "./network-policy.ts";
import { resolveAll } from "./resolve-host.ts";
import { nextTick } from "../time/timers.ts";

/** Settings of the connection itself. What could lead it elsewhere (`socket`, `path`, `lookup`, …) is left out. */
export type ConnectionSettings = Pick<
  ConnectionOptions,
  "ca" | "cert" | "key" | "passphrase" | "rejectUnauthorized" | "servername" | "minVersion"
> & {
  /** Milliseconds for connecting and TLS. @default 10_000 */
  readonly timeout?: number;
  /** Cuts the sockets opened here when it aborts. */
  readonly signal?: AbortSignal;
  /** The sockets opened here keep no process alive, not even while a request is under way. @default false */
  readonly background?: boolean;
};

/**
 * Creates the `connect` function of an undici Pool or Agent. It judges literals, every resolved address, and the
 * address really connected to; a refusal ends the request with ENDPOINT_BLOCKED. A pooled socket is not judged again,
 * so make one pool per policy.
 */
export function createGuardedConnector(
  policy: NetworkPolicy,
  { background = false, signal, ...settings }: ConnectionSettings = {},
): buildConnector.connector {
  // Before the whole attempt is over, so that it is told what took so long.
  const lookupMs = settings.timeout === undefined ? undefined : settings.timeout / 2;
  // One for each scheme, because `lookup` is not told for which it resolves.
  const connectors = {
    "http:": buildConnector({ ...settings, lookup: guardLookup("http:", policy, lookupMs) }),
    "https:": buildConnector({ ...settings, lookup: guardLookup("https:", policy, lookupMs) }),
  };

  return function connectGuarded(options, callback) {
    const scheme: Scheme = options.protocol === "https:" ? "https:" : "http:";
    const reason =
      refusePort(scheme, options.port, policy) ??
      (isIP(options.hostname) === 0 ? undefined : refuseAddress(options.hostname, scheme, policy));
    if (reason !== undefined) {
      // Later, as a connection would: undici does not expect to be called back while it calls.
      nextTick(callback, blocked(reason), null);
      return;
    }
    // undici's types say nothing of it, but it returns the socket, which is still being opened.
    const opened: unknown = connectors[scheme](options, function checkConnected(...[error, socket]) {
      if (error) {
        callback(error, null);
        return;
      }
      const refusal = refuseSocket(socket, scheme, policy);
      if (refusal === undefined) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(refusal, null);
    });
    if (!(opened instanceof Socket)) return;
    if (background) letProcessEnd(opened);
    if (signal !== undefined) cutWith(signal, opened);
  };
}

/** Not by `net.connect`'s own `signal`, which listens on for as long as the signal lives: one listener a connection. */
function cutWith(signal: AbortSignal, socket: Socket): void {
  function cut(): void {
    socket.destroy(Object.assign(new Error("The connection was cut"), { code: "ABORT_ERR" }));
  }
  signal.addEventListener("abort", cut);
  socket.once("close", () => signal.removeEventListener("abort", cut));
  if (signal.aborted) cut();
}

/** undici would hold the process again with every request. */
function letProcessEnd(socket: Socket): void {
  socket.unref();
  socket.ref = () => socket;
}

function refuseSocket(socket: Socket | TLSSocket, scheme: Scheme, policy: NetworkPolicy): Error | undefined {
  if (socket.remoteAddress === undefined) {
    const closed = new Error("The connection was closed before its address could be checked");
    return Object.assign(closed, { code: "ECONNRESET" });
  }
  const reason = refuseAddress(socket.remoteAddress, scheme, policy);
  return reason === undefined ? undefined : blocked(reason);
}

/** Hands on exactly the addresses that were judged. One refused address refuses the name: Node would try them all. */
function guardLookup(scheme: Scheme, policy: NetworkPolicy, timeoutMs?: number): LookupFunction {
  return function lookupGuarded(hostname, options, callback) {
    function judge(error: Error | null, addresses: readonly LookupAddress[]): void {
      const refused = addresses.map(({ address }) => refuseAddress(address, scheme, policy));
      const reason = refused.find((each) => each !== undefined);
      const [first] = addresses;
      if (error) callback(error, []);
      else if (reason !== undefined)
        callback(blocked(`${hostname} resolves to an address that is not called: ${reason}`), []);
      else if (first === undefined) callback(notFound(hostname), []);
      else if (options.all) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    }
    resolveAll(policy.lookup, hostname, options, judge, timeoutMs);
  };
}

function blocked(reason: string): WebhookError {
  return new WebhookError("ENDPOINT_BLOCKED", reason);
}

function notFound(hostname: string): Error {
  return Object.assign(new Error(`${hostname} resolves to no address`), { code: "ENOTFOUND" });
}
