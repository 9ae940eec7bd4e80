/** The protocol all adapters speak: how a request is read, and which status it gets when. */
import { errorTable } from "../event/errors.ts";
import { BodyBroken } from "./body-reader.ts";
import type { RawBody } from "./raw-body.ts";
import type { ReceivedHeaders } from "./received-headers.ts";
import type { ReceiveResult, Refused } from "./receive-result.ts";
import type { WebhookReceiver } from "./receiver.ts";
import { withDeadline } from "../time/deadline.ts";
import { clearTimeout, setTimeout } from "../time/timers.ts";

export interface AnswerOptions {
  /** Seconds after which 202 is answered while handlers still run; less than the sender's timeout. @default 10 */
  readonly answerWithin?: number;
  /** Seconds that a body may take to come; then 408 is answered. @default 30 */
  readonly bodyWithin?: number;
  /** Calls back after `answerWithin`, in milliseconds, and returns what cancels that. @default setTimeout */
  readonly startTimer?: (callback: () => void, milliseconds: number) => () => void;
}

export interface IncomingRequest {
  readonly method: string;
  readonly headers: ReceivedHeaders;
  /** Returns the raw body, or at once when it has more than `maxBytes`; or what a framework has made of it. */
  readonly readBody: (maxBytes: number) => Promise<unknown>;
  /** Tells whether somebody else, such as a timeout of the framework's, has answered meanwhile, or nobody listens any more. */
  readonly isAnswered?: () => boolean;
  /** Says what to do in this framework where a parser came first. */
  readonly parsedRemedy?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Answers 200 when the handlers are done, 202 when they take too long, and the status of the refusal otherwise: before
 * the body is read where the headers decide. After a 202 a handler that fails is only logged, since the sender will not
 * try again. Returns undefined where somebody else has answered; the event is then left to the next request. Never rejects.
 */
export async function answerRequest(
  receiver: WebhookReceiver,
  request: IncomingRequest,
  options: AnswerOptions = {},
): Promise<Answer | undefined> {
  try {
    return await answerUnguarded(receiver, request, options);
  } catch (error) {
    if (!(error instanceof BodyBroken))
      return answer(500, { status: "error", code: "UNEXPECTED", message: "The receiver failed." });
    return answerOf(receiver.refuseIncomplete(error.message));
  }
}

async function answerUnguarded(
  receiver: WebhookReceiver,
  request: IncomingRequest,
  options: AnswerOptions,
): Promise<Answer | undefined> {
  if (request.method !== "POST")
    return answer(405, { status: "error", message: "Send a POST request." }, { allow: "POST" });
  const refused = receiver.judgeHeaders(request.headers);
  if (refused !== undefined) return answerOf(refused);
  const { answerWithin = 10, bodyWithin = 30, startTimer = startNodeTimer } = options;
  let stopTimer = (): void => {};
  const timeIsUp = new Promise<"late">((resolve) => {
    stopTimer = startTimer(() => resolve("late"), answerWithin * 1000);
  });
  try {
    const rawBody = await inTime(request.readBody(receiver.maxBytes), bodyWithin);
    if (request.isAnswered?.() === true) return undefined;
    const accepted = await receiver.accept(rawBody as RawBody, request.headers);
    if (!accepted.ok) return answerOf(explained(accepted, request.parsedRemedy));
    const result = await Promise.race([accepted.handle(), timeIsUp]);
    return result === "late" ? answer(202, { status: "accepted" }) : answerOf(result);
  } finally {
    stopTimer();
  }
}

function inTime<T>(reading: Promise<T>, seconds: number): Promise<T> {
  return withDeadline(reading, seconds * 1000, () => {
    throw new BodyBroken(`The body did not come within ${seconds} s`);
  });
}

/** "Use an adapter" is no help to who does. */
function explained(refused: Refused, remedy: string | undefined): Refused {
  if (refused.code !== "BODY_PARSED" || remedy === undefined) return refused;
  return { ...refused, message: refused.message.replace(errorTable.BODY_PARSED.remedy, remedy) };
}

function answerOf(result: ReceiveResult): Answer {
  if (result.ok) return answer(200, { status: "success" });
  return answer(result.status, { status: "error", code: result.code, message: result.message });
}

function answer(status: number, body: object, headers: Record<string, string> = {}): Answer {
  const text = JSON.stringify(body);
  const length = String(Buffer.byteLength(text));
  return {
    status,
    headers: { "content-type": "application/json", "content-length": length, ...headers },
    body: text,
  };
}

function startNodeTimer(callback: () => void, milliseconds: number): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
