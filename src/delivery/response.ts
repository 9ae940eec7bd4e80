/** Hears one HTTP exchange of undici and says what became of it: the status decides, the body is only noted. */
import type { Dispatcher } from "undici";
import { type AttemptOutcome, outcomeOfStatus } from "../event/attempt-outcome.ts";
import { outcomeOfFailure } from "./failure.ts";
import { parseRetryAfter } from "./retry.ts";

/** Stored of a response body. */
const keptBytes = 2048;
/** Read of a response body so that its connection can serve again; beyond it the connection is cut. */
const readBytes = 65_536;

const spent = new Error("the attempt is over");

export class ResponseHandler implements Dispatcher.DispatchHandler {
  readonly #startedAt = performance.now();
  readonly #now: () => number;
  readonly #resolve: (outcome: AttemptOutcome) => void;
  readonly #deadline: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  #kept: Buffer[] = [];
  #received = 0;
  #over = false;

  constructor(timeoutMs: number, now: () => number, resolve: (outcome: AttemptOutcome) => void) {
    this.#now = now;
    this.#resolve = resolve;
    // undici's own timeouts measure idle time; this one bounds the whole attempt.
    this.#deadline = setTimeout(() => this.#expire(), timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(spent);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // Interim responses (1xx) announce nothing about the outcome.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#status >= 300 && this.#received - chunk.length < keptBytes) this.#kept.push(chunk);
    if (this.#received <= readBytes) return;
    this.#finish(outcomeOfStatus(this.#status));
    controller.abort(spent);
  }

  onResponseEnd(): void {
    this.#finish(outcomeOfStatus(this.#status));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** Ends the exchange with an error. A body cut short does not change what the status line said. */
  fail(error: unknown): void {
    this.#finish(this.#status > 0 ? outcomeOfStatus(this.#status) : outcomeOfFailure(error));
  }

  #expire(): void {
    const controller = this.#controller;
    this.#finish(this.#status > 0 ? outcomeOfStatus(this.#status) : "timeout");
    controller?.abort(spent);
  }

  #finish(outcome: AttemptOutcome["outcome"]): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    const durationMs = performance.now() - this.#startedAt;
    if (this.#status === 0) return this.#resolve({ outcome, durationMs });
    const asked =
      this.#status === 429 || this.#status === 503 ? single(this.#headers["retry-after"]) : undefined;
    const retryAfterMs = parseRetryAfter(asked, this.#now());
    const control = single(this.#headers["webhook-delivery"])?.trim();
    this.#resolve({
      outcome,
      durationMs,
      status: this.#status,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(control === "disable" || control === "abort-message" ? { control } : {}),
      ...(this.#kept.length > 0 ? { response: this.#keptText() } : {}),
    });
  }

  #keptText(): string {
    return Buffer.concat(this.#kept).subarray(0, keptBytes).toString("utf8");
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
