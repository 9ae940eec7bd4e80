/** Watches node-redis 4 to 6 clients through their own events. */
import { errorMonitor } from "node:events";
import {
  hasMethods,
  type ModuleInstrumentation,
  type ObjectInstrumentation,
  prototypeNamed,
} from "mova-webhooks/plugin";
import { connectionFrom, watchConnecting, watchConnection } from "./watch-connection.ts";

export const nodeRedisClient: ObjectInstrumentation = {
  library: "node-redis",
  recognises: (component) =>
    hasMethods(component, "on", "sendCommand", "duplicate", "connect") &&
    typeof Reflect.get(component, "isReady") === "boolean",
  attach(client, host) {
    watchConnection(client, host, {
      // A crash emits no `end`; the monitor sees errors without answering for them.
      signals: ["ready", "reconnecting", "end", "terminated", errorMonitor],
      isConnected: () => Reflect.get(client, "isReady") === true,
      // `isOpen` stays true while the client means to come back.
      isReconnecting: () => Reflect.get(client, "isOpen") === true,
      connection: () => {
        const options: unknown = Object(Reflect.get(client, "options"));
        const { socket, database } = Object(options) as Readonly<Record<string, unknown>>;
        // The socket itself is private: what it was told, and what the library takes where it was told nothing.
        return connectionFrom(
          "node-redis",
          { host: "localhost", port: 6379, ...Object(socket) },
          database ?? 0,
        );
      },
    });
    return client;
  },
};

/** `redis` 4 to 6 make the clients of this package, whose versions are 1, 5 and 6. */
export const nodeRedisModule: ModuleInstrumentation = {
  module: "@redis/client",
  versions: ">=1.0.0 <7.0.0",
  file: "dist/lib/client/index.js",
  patch(exports, host) {
    const prototype = prototypeNamed(exports, "RedisClient");
    if (prototype !== undefined) watchConnecting(nodeRedisClient, prototype, host);
  },
};
