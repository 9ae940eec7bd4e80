/** The HTTP server of one manager: metrics and health, bound to loopback unless told otherwise. */
import { once } from "node:events";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { WebhookError } from "../event/errors.ts";
import { toTextFormat } from "../telemetry/text-format.ts";

/** What the server needs of a manager. */
export interface Served {
  readonly registry: { metrics(): Promise<string>; readonly contentType: string };
  /** Rejects where the outbox does not answer or nothing is started. */
  ready(): Promise<void>;
}

export interface ListenOptions {
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** 0 for a free one. @default 9464 */
  readonly port?: number;
}

export interface ListeningServer {
  readonly url: string;
  close(): Promise<void>;
}

const openMetrics = "application/openmetrics-text";

export function createApp(served: Served): Hono {
  const app = new Hono();
  app.get("/metrics", async (context) => {
    const { registry } = served;
    const text = await registry.metrics();
    if (!registry.contentType.startsWith(openMetrics))
      return context.body(text, 200, { "Content-Type": registry.contentType });
    const wantsOpenMetrics = context.req.header("accept")?.includes(openMetrics) ?? false;
    return wantsOpenMetrics
      ? context.body(text, 200, { "Content-Type": registry.contentType })
      : context.body(toTextFormat(text), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    try {
      await served.ready();
      return context.text("ready\n");
    } catch (error) {
      return context.text(`${error instanceof Error ? error.message : "not ready"}\n`, 503);
    }
  });
  return app;
}

/** Listens; rejects with CONFIG_INVALID where the port is taken. */
export async function listen(served: Served, options: ListenOptions = {}): Promise<ListeningServer> {
  const { host = "127.0.0.1", port = 9464 } = options;
  const server = createAdaptorServer({ fetch: createApp(served).fetch });
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new WebhookError("CONFIG_INVALID", `Cannot listen on ${host}:${port}`, { cause });
  }
  const address = server.address();
  const boundPort = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      if ("closeIdleConnections" in server) server.closeIdleConnections();
      await closed;
    },
  };
}
