/** Turns what a Redis client says about its connection into one event per real change. */
import type { EventEmitter } from "node:events";
import { type ObjectInstrumentation, type PluginHost, watchMethod } from "mova-webhooks/plugin";

/** Where a client connects to; never a user name, password or URL. */
export interface Connection {
  readonly library: string;
  readonly host?: string;
  readonly port?: number;
  /** Path of a Unix socket, in place of host and port. */
  readonly path?: string;
  readonly db?: number;
}

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "redis:connected": Connection;
    "redis:disconnected": Connection & {
      /** True where the client tries again by itself. */
      readonly reconnecting: boolean;
    };
  }
}

/** What is particular to a library. */
export interface ClientReading {
  /** Events after which the state may be another. Never a plain `error`: a listener would hide the crash. */
  readonly signals: readonly (string | symbol)[];
  isConnected(): boolean;
  isReconnecting(): boolean;
  connection(): Connection;
}

/** The mark of connections that deliver webhooks: what happens to them must not become one. */
const internal = Symbol.for("mova-webhooks.internal");

/** What each host does when a client signals something. A client has one listener of ours, however many hosts watch it. */
type Watchers = Map<PluginHost, () => void>;

const watchersOf = new WeakMap<object, Watchers>();

/** Remembers the client: it is seen whenever it connects again, and when it is given to `instrument`. */
function watchersFor(client: EventEmitter, signals: ClientReading["signals"]): Watchers {
  // node-redis hands out objects that inherit from the client.
  const itself = (Reflect.get(client, "_self") ?? client) as object;
  const known = watchersOf.get(itself);
  if (known !== undefined) return known;
  const watchers: Watchers = new Map();
  watchersOf.set(itself, watchers);
  for (const signal of signals) {
    client.on(signal, () => {
      for (const signalled of watchers.values()) signalled();
    });
  }
  return watchers;
}

/** Connections that a library opens to ask for the real ones. */
const probes = new WeakSet<object>();

/** Watches every client from its first connection on; `isProbe` is asked while it connects. */
export function watchConnecting(
  client: ObjectInstrumentation,
  prototype: object,
  host: PluginHost,
  isProbe: (client: object) => boolean = () => false,
): void {
  watchMethod(prototype, "connect", host, (_, self) => {
    if (typeof self !== "object" || self === null || probes.has(self)) return undefined;
    if (isProbe(self)) probes.add(self);
    else client.attach(self, host);
    return undefined;
  });
}

/**
 * Compares the client's state with the last one known whenever the client signals something. Clients repeat
 * `close` with every failed attempt to reconnect; a client that is ready already makes no event by being watched.
 */
export function watchConnection(client: object, host: PluginHost, reading: ClientReading): void {
  if (!isEmitter(client) || internal in client) return;
  const watchers = watchersFor(client, reading.signals);
  if (watchers.has(host)) return;
  let connected = reading.isConnected();
  /** Of the last connection: one that is gone has no address any more. */
  let connection = reading.connection();

  function connectionSignalled(): void {
    try {
      const now = reading.isConnected();
      if (now === connected) return;
      connected = now;
      if (now) {
        connection = reading.connection();
        host.publish("redis:connected", connection);
      } else {
        host.publish("redis:disconnected", { ...connection, reconnecting: reading.isReconnecting() });
      }
    } catch (error) {
      host.log.warn(
        { error_type: error instanceof Error ? error.name : typeof error },
        "watching Redis failed",
      );
    }
  }
  watchers.set(host, connectionSignalled);
}

function isEmitter(client: object): client is EventEmitter {
  return typeof Reflect.get(client, "on") === "function";
}

/** Picks what may be told from a client's options. */
export function connectionFrom(library: string, address: unknown, db: unknown): Connection {
  const { host, port, path } = Object(address) as Readonly<Record<"host" | "port" | "path", unknown>>;
  const isPath = typeof path === "string" && path !== "";
  return {
    library,
    ...(isPath && { path }),
    ...(!isPath && typeof host === "string" && { host }),
    ...(!isPath && typeof port === "number" && { port }),
    ...(typeof db === "number" && { db }),
  };
}
