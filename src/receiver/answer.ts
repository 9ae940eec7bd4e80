/** The protocol all adapters speak: how a request is read, and what is answered when. */
import type { RawBody } from "./raw-body.ts";
import type { ReceivedHeaders } from "./received-headers.ts";
import type { ReceiveResult } from "./receive-result.ts";
import type { WebhookReceiver } from "./receiver.ts";

export interface AnswerOptions {
  /** Seconds after which 202 is answered while handlers still run; less than the sender's timeout. @default 10 */
  readonly answerWithin?: number;
  /** Calls back after so many milliseconds, and returns what cancels that. @default setTimeout */
  readonly startTimer?: (callback: () => void, milliseconds: number) => () => void;
}

export interface IncomingRequest {
  readonly method: string;
  readonly headers: ReceivedHeaders;
  /** Returns the raw body, or at once when it has more than `maxBytes`; or what a framework has made of it. */
  readonly readBody: (maxBytes: number) => Promise<unknown>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Answers 200 when the handlers are done, 202 when they take too long, and the status of the refusal otherwise.
 * After a 202 a handler that fails is only logged, since the sender will not try again. Never rejects.
 */
export async function answerRequest(
  receiver: WebhookReceiver,
  request: IncomingRequest,
  options: AnswerOptions = {},
): Promise<Answer> {
  if (request.method !== "POST")
    return answer(405, { status: "error", message: "Send a POST request." }, { allow: "POST" });
  const { answerWithin = 10, startTimer = startNodeTimer } = options;
  let stopTimer = (): void => {};
  const timeIsUp = new Promise<"late">((resolve) => {
    stopTimer = startTimer(() => resolve("late"), answerWithin * 1000);
  });
  try {
    const rawBody = await request.readBody(receiver.maxBytes);
    const accepted = await receiver.accept(rawBody as RawBody, request.headers);
    if (!accepted.ok) return answerOf(accepted);
    const result = await Promise.race([accepted.handle(), timeIsUp]);
    return result === "late" ? answer(202, { status: "accepted" }) : answerOf(result);
  } catch {
    // Only reading the body can fail here: the sender hung up, and nobody will see this.
    return answer(400, { status: "error", message: "The body broke off." });
  } finally {
    stopTimer();
  }
}

/** Reads a stream up to and over a limit, and no further. */
export async function readUpTo(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks, length);
}

function answerOf(result: ReceiveResult): Answer {
  if (result.ok) return answer(200, { status: "success" });
  return answer(result.status, { status: "error", code: result.code, message: result.message });
}

function answer(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

function startNodeTimer(callback: () => void, milliseconds: number): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
