/** Lets an answer arrive that is given before the request was read: reads on, and throws away the rest of its body. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { clearTimeout, setTimeout } from "../time/timers.ts";

/** How much of a body nobody wants is read, and for how long. Beyond it the connection is cut. */
export interface ReadOnBounds {
  readonly bytes: number;
  readonly milliseconds: number;
}

export const readOnBounds: ReadOnBounds = { bytes: 33_554_432, milliseconds: 30_000 };

/**
 * Answers that end before the body was read go out whole at once, and end once the rest of the body was read. Until
 * then Node neither closes the connection, which would reset it under a client that still sends and take the answer
 * away, nor waits for ever for a body that stands in the way of the next request. Call it before the request is
 * handled, in front of any framework; the answer may be anybody's.
 */
export function letAnswerArrive(
  request: IncomingMessage,
  response: ServerResponse,
  bounds: ReadOnBounds = readOnBounds,
): void {
  // HTTP/2 ends a stream without harm to its connection.
  if (request.httpVersionMajor !== 1 || !hasBody(request) || guarded.has(response)) return;
  guarded.add(response);
  // What will not be read to its end leaves no connection to use again, and the answer says so.
  if (Number(request.headers["content-length"] ?? 0) > bounds.bytes) response.shouldKeepAlive = false;
  const end = response.end.bind(response) as (...given: unknown[]) => ServerResponse;

  function endOnceRead(...given: unknown[]): ServerResponse {
    response.end = end;
    if (request.complete || request.readableEnded || request.destroyed || response.destroyed)
      return end(...given);
    const [chunk, encoding] = given;
    const whenDone = given.find((each): each is () => void => typeof each === "function");
    writeWhole(response, chunk, encoding);
    ignoreOtherAnswers(response);
    readOn(request, bounds, function endNow(cut) {
      if (cut) response.once("finish", () => request.socket.destroy());
      end(whenDone);
    });
    return response;
  }
  response.end = endOnceRead as ServerResponse["end"];
}

/** Express answers an error, such as a timeout's, when the request is over, and would throw into the server if it could not. */
function ignoreOtherAnswers(response: ServerResponse): void {
  const ignored = (): ServerResponse => response;
  Object.assign(response, { end: ignored, writeHead: ignored, setHeader: ignored, removeHeader: ignored });
}

const guarded = new WeakSet<ServerResponse>();

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
}

/** With its length, which tells the client where the answer ends although the response goes on. */
function writeWhole(response: ServerResponse, chunk: unknown, encoding: unknown): void {
  const text = typeof chunk === "string";
  const body = text || chunk instanceof Uint8Array ? chunk : "";
  const bytes = text
    ? Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8")
    : body;
  if (
    !response.headersSent &&
    !response.hasHeader("transfer-encoding") &&
    response.statusCode !== 204 &&
    response.statusCode !== 304
  )
    response.setHeader("content-length", bytes.length);
  if (bytes.length > 0) response.write(bytes);
  response.flushHeaders();
}

/** Reads to the end and calls back, with true where a bound came first. */
function readOn(request: IncomingMessage, bounds: ReadOnBounds, done: (cut: boolean) => void): void {
  let bytes = 0;
  const timer = setTimeout(() => finish(true), bounds.milliseconds);
  function count(chunk: Uint8Array): void {
    bytes += chunk.length;
    if (bytes > bounds.bytes) finish(true);
  }
  function atEnd(): void {
    finish(false);
  }
  function finish(cut: boolean): void {
    clearTimeout(timer);
    request.off("data", count).off("end", atEnd).off("close", atEnd);
    done(cut);
  }
  // Whoever read before would only hold up, or hoard, what nobody wants any more.
  request.removeAllListeners("readable").removeAllListeners("data");
  request.on("data", count).once("end", atEnd).once("close", atEnd).on("error", ignore);
  request.resume();
}

function ignore(): void {}
