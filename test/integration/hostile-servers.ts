/** Servers that misbehave once: real sockets on loopback whose first connection is hostile and whose later ones serve. */
import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type IncomingHttpHeaders } from "node:http";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { listening } from "../support/listening.ts";

/** What it does with its connection. */
export type Misbehaviour = (socket: Socket) => void;

interface Served {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HostileServer {
  readonly port: number;
  /** Accepted so far. */
  readonly connections: number;
  /** Still open. */
  readonly open: number;
  /** Requests of the later connections, answered with 204. */
  readonly served: readonly Served[];
  close(): Promise<void>;
}

export interface HostileOptions {
  /** Speaks TLS with this certificate of `test/fixtures/tls`. */
  readonly certificate?: string;
  /** Hostile connections before it serves. @default 1 */
  readonly times?: number;
}

export function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
}

export async function hostileServer(
  misbehave: Misbehaviour,
  { certificate, times = 1 }: HostileOptions = {},
): Promise<HostileServer> {
  const served: Served[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let secured = 0;
  const http = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      served.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(204).end();
    });
  });

  function serve(socket: Socket, number: number): void {
    // The client may be gone at any moment; that is what these servers are about.
    socket.on("error", () => undefined);
    if (number > times) http.emit("connection", socket);
    else misbehave(socket);
  }
  const tls = createTlsServer(certificate ? { key: fixture("key"), cert: fixture(certificate) } : {});
  tls.on("secureConnection", (socket) => serve(socket, (secured += 1)));
  tls.on("tlsClientError", () => undefined);

  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    if (certificate === undefined) serve(socket, connections);
    else tls.emit("connection", socket);
  });
  const port = await listening(server);
  return {
    port,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    served,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads a whole request first. */
export function afterRequest(then: Misbehaviour): Misbehaviour {
  return (socket) => {
    let received = Buffer.alloc(0);
    socket.on("data", function collect(chunk: Buffer) {
      received = Buffer.concat([received, chunk]);
      const headEnd = received.indexOf("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(received.subarray(0, headEnd + 4).toString("latin1"))?.[1];
      if (headEnd < 0 || received.length < headEnd + 4 + Number(length)) return;
      socket.off("data", collect);
      then(socket);
    });
  };
}

/** Writes and leaves the connection open. */
export function say(text: string | Buffer): Misbehaviour {
  return (socket) => void socket.write(text, "latin1");
}

/** Writes, then ends the connection in order. */
export function sayAndClose(text: string | Buffer): Misbehaviour {
  return (socket) => void socket.end(text);
}

/** Writes, then resets the connection once that is read: a reset at once would take what was written with it. */
export function sayAndReset(text: string): Misbehaviour {
  return (socket) => {
    let turns = 10;
    // The reader shares this event loop: it has read after a few turns.
    function wait(): void {
      turns -= 1;
      if (turns > 0) setImmediate(wait);
      else socket.resetAndDestroy();
    }
    socket.write(text, wait);
  };
}

/** Writes a little at a time for as long as the connection lasts. */
export function drip(first: string, drop: string, everyMs = 20): Misbehaviour {
  return (socket) => {
    socket.write(first, "latin1");
    const timer = setInterval(() => socket.write(drop, "latin1"), everyMs);
    socket.on("close", () => clearInterval(timer));
  };
}

/** Writes as fast as it is read for as long as the connection lasts. */
export function pour(first: string, drop: string | Buffer): Misbehaviour {
  return (socket) => {
    socket.write(first, "latin1");
    function more(): void {
      while (socket.writable && socket.write(drop));
    }
    socket.on("drain", more);
    more();
  };
}
