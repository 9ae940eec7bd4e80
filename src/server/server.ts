/** Listens for one manager: to loopback unless told otherwise, and never to more of the world without a token. */
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { WebhookError } from "../event/errors.ts";
import { check } from "../settings/check.ts";
import { listen as listenSettings, type ListenOptions } from "../settings/listen.ts";
import { createApp } from "./app.ts";
import { cannotListen } from "./cannot-listen.ts";
import { isLoopbackAddress } from "./loopback.ts";
import type { Served, ServedParts } from "./served.ts";
import { withDeadline } from "../time/deadline.ts";
import { checkTokenForm } from "./token.ts";
import { setImmediate } from "../time/timers.ts";

export type { ListenOptions } from "../settings/listen.ts";

export interface ListeningServer {
  readonly url: string;
  /** Takes no new requests; resolves when those in flight are answered, or were cut off after `deadlineMs`. */
  close(deadlineMs?: number): Promise<void>;
}

const defaultCloseMs = 5_000;

/** Listens; rejects with CONFIG_INVALID where an option is wrong, the port is taken, or a token is missing. */
export async function listen(
  served: Served,
  parts: ServedParts,
  options: ListenOptions = {},
): Promise<ListeningServer> {
  const { fields } = listenSettings;
  const {
    host = fields.host.default,
    port = fields.port.default,
    token,
  } = check("`listen()`", listenSettings, options);
  if (token !== undefined) checkTokenForm(token);
  const address = await resolve(host);
  if (token === undefined && !isLoopbackAddress(address)) {
    const detail = `The server may listen on ${host} only with a token, because others can reach it there`;
    const remedy =
      "Set `server.token`, or MOVA_WEBHOOK_TOKEN for `serve`, to what `mova-webhooks secret` prints, or listen on 127.0.0.1 behind a proxy.";
    throw new WebhookError("CONFIG_INVALID", detail, { remedy });
  }
  const app = createApp(served, parts, token);
  // Without TLS options it is a plain HTTP server.
  // A health check of HTTP/1.0 names no host; whoever asks for more is asked for it.
  const server = createAdaptorServer({ fetch: app.fetch, hostname: "localhost" }) as Server;
  server.on("request", (_, response) => response.once("close", () => hangUpWhenClosing(server)));
  server.listen(port, address);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw cannotListen(host, port, cause);
  }
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    close: (deadlineMs = defaultCloseMs) => (closing ??= close(server, deadlineMs)),
  };
}

async function resolve(host: string): Promise<string> {
  try {
    if (host !== "") return (await lookup(host)).address;
  } catch (cause) {
    const remedy = "Listen on an address or a name of this machine, such as 127.0.0.1.";
    throw new WebhookError("CONFIG_INVALID", `Cannot listen on ${host}: no such address`, { cause, remedy });
  }
  throw new WebhookError("CONFIG_INVALID", "Expected the server's `host` to be a name or address");
}

async function close(server: Server, deadlineMs: number): Promise<void> {
  const closed = once(server, "close");
  // Also ends connections without a request.
  server.close();
  await withDeadline(closed, deadlineMs, () => server.closeAllConnections());
  await closed;
}

/** A connection that is kept alive would hold up the end. It is idle only once the response is behind it. */
function hangUpWhenClosing(server: Server): void {
  if (!server.listening) setImmediate(() => server.closeIdleConnections());
}
