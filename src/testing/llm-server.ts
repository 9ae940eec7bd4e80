/** A language-model server on loopback that speaks OpenAI's chat completions and responses and Anthropic's messages. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import {
  failureBody,
  type LlmProtocol,
  protocolOf,
  type StreamPiece,
  streamOf,
  wholeAnswer,
} from "./llm-protocol.ts";
import { sleep } from "../time/timers.ts";

/** How to answer one request. */
export interface LlmBehaviour {
  /** The text of the answer. @default "Hello from a model that is not there." */
  readonly reply?: string;
  /** Answers with this error status. */
  readonly status?: number;
  /** The words of that error. @default "told to fail" */
  readonly errorMessage?: string;
  /** Cuts the connection after so many pieces of a stream; of a plain answer, after half of it. */
  readonly breakAfter?: number;
  /** Sends so many pieces and then nothing more until the client leaves. */
  readonly stallAfter?: number;
  /** Waits before the answer and before each piece of a stream. */
  readonly delayMs?: number;
}

export interface LlmServer {
  /** Without a path. OpenAI's library wants `/v1` after it, Anthropic's wants none. */
  readonly url: string;
  /** What was asked, in order, retries included. */
  readonly requests: readonly { readonly path: string; readonly body: unknown }[];
  /** Plans the answers to the next requests, one each; what they leave open is as `otherwise` says. */
  next(...behaviours: readonly LlmBehaviour[]): void;
  close(): Promise<void>;
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startLlmServer(otherwise: LlmBehaviour = {}): Promise<LlmServer> {
  const requests: { path: string; body: unknown }[] = [];
  const planned: LlmBehaviour[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const body = JSON.parse(await text(request)) as { readonly model?: unknown; readonly stream?: unknown };
    requests.push({ path, body });
    const behaviour = { ...otherwise, ...planned.shift() };
    const protocol = protocolOf(path);
    if (behaviour.delayMs !== undefined) await sleep(behaviour.delayMs);
    const number = `${requests.length}`;
    response.setHeader("x-request-id", `req_${number}`).setHeader("request-id", `req_${number}`);
    if (protocol === undefined) return fail(response, "chat", 404, `no such path: ${path}`);
    if (behaviour.status !== undefined) {
      return fail(response, protocol, behaviour.status, behaviour.errorMessage ?? "told to fail");
    }
    const reply = {
      id: number,
      model: String(body.model),
      text: behaviour.reply ?? "Hello from a model that is not there.",
    };
    if (body.stream === true) return await stream(response, streamOf(protocol, reply), behaviour);
    const whole = Buffer.from(JSON.stringify(wholeAnswer(protocol, reply)));
    response.setHeader("content-type", "application/json").setHeader("content-length", whole.length);
    if (behaviour.breakAfter === undefined) response.end(whole);
    else response.write(whole.subarray(0, whole.length / 2), () => response.destroy());
  }

  function answerOrDestroy(request: IncomingMessage, response: ServerResponse): void {
    answer(request, response).catch(() => response.destroy());
  }

  const server = createServer(answerOrDestroy);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    next: (...behaviours) => void planned.push(...behaviours),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Asks the libraries, in their own header, to retry without their usual half second. */
function fail(response: ServerResponse, protocol: LlmProtocol, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json", "retry-after-ms": "1" });
  response.end(JSON.stringify(failureBody(protocol, message)));
}

/** Every piece is flushed alone, so that a reader sees it before the next is made. */
async function stream(
  response: ServerResponse,
  pieces: readonly StreamPiece[],
  { breakAfter, stallAfter, delayMs }: LlmBehaviour,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const [index, { event, data }] of pieces.entries()) {
    if (index === stallAfter) return response.flushHeaders();
    if (index === breakAfter) return void response.destroy();
    if (index > 0 && delayMs !== undefined) await sleep(delayMs);
    const lines = `${event === undefined ? "" : `event: ${event}\n`}data: ${data}\n\n`;
    await new Promise((resolve) => response.write(lines, resolve));
  }
  response.end();
}
