/** The HTTP API for tests: a manager that listens, closed after the test, and requests exactly as they are written. */
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { connect } from "node:net";
import type { WebhookManager, WebhookManagerOptions } from "mova-webhooks";
import type { ListeningServer, ListenOptions } from "../../src/server/server.ts";
import { secret, testEndpoint, testManager, until } from "./pipeline.ts";

export const token = "correct-horse-battery-staple";
export const jsonType = { "content-type": "application/json" };

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a server answers is looked at by the assertions
  readonly json: () => any;
}

/** One request with exactly these headers: `fetch` would set or refuse `Host` and `Origin` itself. */
export async function ask(
  url: string,
  options: RequestOptions = {},
  body?: string | Buffer,
): Promise<Answer> {
  const outgoing = httpRequest(url, { agent: false, ...options });
  // A server that has heard enough answers and hangs up.
  outgoing.once("response", () => outgoing.on("error", () => undefined));
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) };
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return ask(url, { method: "POST", headers: { ...jsonType, ...headers } }, text);
}

export interface Running {
  readonly manager: WebhookManager;
  readonly server: ListeningServer;
  readonly url: string;
}

export async function serve(
  options: WebhookManagerOptions = {},
  listen: ListenOptions = {},
): Promise<Running> {
  const manager = testManager(options);
  await manager.start();
  const server = await manager.listen({ port: 0, ...listen });
  return { manager, server, url: server.url };
}

/** A manager whose one delivery to `broken` is dead. */
export async function serveDead(): Promise<Running & { readonly id: string; readonly eventId: string }> {
  const endpoint = await testEndpoint((_, response) => response.writeHead(422).end("unknown field"));
  const endpoints = [
    { id: "broken", url: `${endpoint.url}?key=hidden-in-url`, secret, headers: { "x-key": "hidden-header" } },
  ];
  const running = await serve({ endpoints });
  const { id: eventId, deliveries } = await running.manager.triggerEvent("cache.updated", {});
  const id = deliveries[0] ?? "";
  await until(async () => (await running.manager.get(id))?.state === "dead");
  return { ...running, id, eventId };
}

/** Asks as HTTP/1.0 does, without a `Host`. Returns the beginning of the answer. */
export async function askWithoutHost(url: string, path: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return chunk.toString();
}
