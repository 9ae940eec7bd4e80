/** Watches ioredis 5 and 6 clients, clusters included, through their own events. */
import {
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
  prototypeNamed,
} from "mova-webhooks/plugin";
import { connectionFrom, watchConnecting, watchConnection } from "./watch-connection.ts";

export const ioredisClient: ObjectInstrumentation = {
  library: "ioredis",
  recognises: (component) =>
    hasMethods(component, "on", "sendCommand", "duplicate", "disconnect", "quit") &&
    typeof Reflect.get(component, "status") === "string",
  attach(client, host) {
    const status = (): unknown => Reflect.get(client, "status");
    watchConnection(client, host, {
      signals: ["ready", "close", "reconnecting", "end"],
      isConnected: () => status() === "ready" || status() === "monitoring",
      // Events come one tick late: by then the status says what the client decided.
      isReconnecting: () => status() === "reconnecting" || status() === "connecting",
      connection: () => {
        const options = Object(Reflect.get(client, "options")) as Readonly<Record<string, unknown>>;
        return connectionFrom("ioredis", addressOf(client) ?? options, options["db"]);
      },
    });
    return client;
  },
};

export const ioredisModule: ModuleInstrumentation = {
  module: "ioredis",
  versions: ">=5.0.0 <7.0.0",
  patch(exports, host) {
    const prototype = prototypeNamed(exports, "Redis");
    if (prototype !== undefined) watchConnecting(ioredisClient, prototype, host, isProbe);
  },
};

/** Where the client is connected, which Sentinels and Clusters decide. A Unix socket has no address but its path. */
function addressOf(client: object): object | undefined {
  const { remoteAddress, remotePort } = Object(Reflect.get(client, "stream")) as {
    readonly remoteAddress?: unknown;
    readonly remotePort?: unknown;
  };
  if (typeof remoteAddress !== "string") return undefined;
  return { host: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ""), port: remotePort };
}

/** A Cluster names the connections it asks and listens with; Sentinels are connected to from the connector's files. */
function isProbe(client: object): boolean {
  const { connectionName } = Object(Reflect.get(client, "options")) as { readonly connectionName?: unknown };
  if (typeof connectionName === "string" && connectionName.startsWith("ioredis-cluster(")) return true;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const stack = new Error("probe").stack ?? "";
  Error.stackTraceLimit = limit;
  return /[\\/]SentinelConnector[\\/]/.test(stack);
}
