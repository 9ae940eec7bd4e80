/** A real HTTP server on loopback that remembers what it got and answers as told: for tests of whoever sends. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { clearTimeout, setTimeout } from "../time/timers.ts";

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As they came over the wire: name, value, name, value … */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A status, or a function that writes the response; `count` is the number of this request, from 1. */
export type Answer = number | ((request: ReceivedRequest, response: ServerResponse, count: number) => void);

export interface FakeEndpoint {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** Replaces how requests are answered from now on. */
  answerWith(answer: Answer): void;
  /** Resolves when at least `count` requests arrived; rejects after `timeoutMs`. @default 10_000 ms */
  received(count: number, timeoutMs?: number): Promise<readonly ReceivedRequest[]>;
  close(): Promise<void>;
}

/** Starts the server on a free port of 127.0.0.1. @default it answers 204 */
export async function fakeEndpoint(first: Answer = 204): Promise<FakeEndpoint> {
  const requests: ReceivedRequest[] = [];
  const waiters = new Set<() => void>();
  let answer = first;

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "", url: path = "", headers, rawHeaders } = incoming;
      const request = { method, path, headers, rawHeaders, body: Buffer.concat(chunks) };
      requests.push(request);
      for (const waiter of waiters) waiter();
      if (typeof answer === "function") answer(request, response, requests.length);
      else response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    requests,
    answerWith(next) {
      answer = next;
    },
    received(count, timeoutMs = 10_000) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(look);
          reject(new Error(`Expected ${count} requests within ${timeoutMs} ms, got ${requests.length}`));
        }, timeoutMs);
        function look(): void {
          if (requests.length < count) return;
          clearTimeout(timer);
          waiters.delete(look);
          resolve(requests);
        }
        waiters.add(look);
        look();
      });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
