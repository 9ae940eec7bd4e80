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
        const options: unknown = Reflect.get(client, "options");
        return connectionFrom("ioredis", options, Reflect.get(Object(options), "db"));
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
    if (prototype !== undefined) watchConnecting(ioredisClient, prototype, host);
  },
};
