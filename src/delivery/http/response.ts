/** Follows one HTTP exchange of undici and says what became of it: the status decides, the body is only recorded. */
import type { Dispatcher } from "undici";
import { cutToBytes, textOfBytes } from "../../event/cut-text.ts";
import type { AttemptOutcome, Outcome } from "../../event/attempt-outcome.ts";
import type { Redactor } from "../../security/redact.ts";
import { failureOf } from "./failure.ts";
import { parseRetryAfter } from "../policy/retry-after.ts";
import { clearTimeout, monotonicNow, setTimeout } from "../../time/timers.ts";

/** Stored of a response body, as UTF-8. */
const keptBytes = 2048;
/** Looked at for it: more, so that a credential across the cut is still found. */
const seenBytes = 4 * keptBytes;
/** Of a body that is no text: as base64 it has the same length as a text that is kept. */
const keptBinaryBytes = 1500;
/** Read of a response body so that its connection can serve again; beyond it the connection is cut. */
const readBytes = 65_536;

/** `whole` where the exchange came to its proper end, so that its connection can serve again. */
export type Finished = (outcome: AttemptOutcome, whole: boolean) => void;

type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export class ResponseHandler implements Dispatcher.DispatchHandler {
  readonly #startedAt = monotonicNow();
  readonly #now: () => number;
  readonly #redact: Redactor;
  readonly #finished: Finished;
  readonly #deadline: NodeJS.Timeout;
  #status = 0;
  #headers: ResponseHeaders = {};
  #seen: Buffer[] = [];
  #received = 0;
  #over = false;

  constructor(timeoutMs: number, now: () => number, redact: Redactor, finished: Finished) {
    this.#now = now;
    this.#redact = redact;
    this.#finished = finished;
    // undici's own timeouts measure idle time; this one bounds the whole attempt.
    this.#deadline = setTimeout(() => this.#end("timeout"), timeoutMs);
    // The socket is what keeps a process alive, where it may.
    this.#deadline.unref();
  }

  /** Tells undici that this is a handler of its present form; there is nothing to do. */
  onRequestStart(): void {}

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    // Interim responses (1xx) announce nothing about the outcome.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    if (this.#status >= 300) this.#seen.push(chunk);
    this.#received += chunk.length;
    if (this.#received > readBytes) this.#end("invalid_response");
  }

  onResponseEnd(): void {
    this.#end("invalid_response", true);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** Ends the exchange with an error. */
  fail(error: unknown): void {
    const { outcome, detail } = failureOf(error);
    this.#end(outcome, false, detail);
  }

  /** `otherwise` is the outcome where no status arrived. A status stands, also where its body is cut short or endless. */
  #end(otherwise: Outcome, whole = false, detail?: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    // To the microsecond: what floating point adds after it reads badly in records and logs.
    const durationMs = Math.round((monotonicNow() - this.#startedAt) * 1000) / 1000;
    if (this.#status === 0)
      this.#finished({ outcome: otherwise, durationMs, ...(detail === undefined ? {} : { detail }) }, false);
    else this.#finished(this.#answered(durationMs), whole);
  }

  #answered(durationMs: number): AttemptOutcome {
    const status = this.#status;
    const asked = status >= 300 ? single(this.#headers["retry-after"]) : undefined;
    const retryAfterMs = asked === undefined ? undefined : parseRetryAfter(asked, this.#now());
    const control = single(this.#headers["webhook-delivery"])?.trim();
    const response = this.#responseText();
    return {
      outcome: outcomeOfStatus(status),
      durationMs,
      status,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(control === "disable" || control === "abort-message" ? { control } : {}),
      ...(response === "" ? {} : { response }),
    };
  }

  /** Leaves out control characters, which a terminal would obey, and compressed bodies, which could be a bomb. */
  #responseText(): string {
    if (this.#seen.length === 0 || this.#headers["content-encoding"] !== undefined) return "";
    const bytes = Buffer.concat(this.#seen);
    const looked = bytes.subarray(0, seenBytes);
    const seen = textOfBytes(looked);
    if (isNoText(seen)) return this.#base64Of(looked, bytes.length);
    // Before what is confidential is looked for, which they would hide.
    const shown = this.#redact(seen.replace(/[^\P{Cc}\t\n]/gu, ""));
    return cutToBytes(shown, keptBytes, bytes.length > seenBytes);
  }

  /** What is no text; nothing where it holds, as it is or between control characters, what is confidential. */
  #base64Of(bytes: Buffer, received: number): string {
    const plain = bytes.toString("latin1");
    const isPrivate = [plain, plain.replace(/[^\P{Cc}\t\n]/gu, ""), textOfBytes(bytes)].some(
      (text) => this.#redact(text) !== text,
    );
    if (isPrivate) return "";
    const keep = Math.min(bytes.length, keptBinaryBytes);
    return `base64:${bytes.toString("base64", 0, keep)}${received > keep ? "…" : ""}`;
  }
}

/** Tells whether so much of it is unreadable that it is no text with a fault, but something else. */
function isNoText(seen: string): boolean {
  const unreadable = seen.match(/\ufffd|[^\P{Cc}\t\n\r]/gu)?.length ?? 0;
  return unreadable > 0.3 * seen.length;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Names the outcome of an HTTP status that arrived whole. */
export function outcomeOfStatus(status: number): Outcome {
  if (status >= 200 && status < 300) return "success";
  if (status >= 300 && status < 400) return "http_3xx";
  if (status === 410) return "http_410";
  if (status === 429) return "http_429";
  if (status >= 400 && status < 500) return "http_4xx";
  if (status >= 500 && status < 600) return "http_5xx";
  return "invalid_response";
}
