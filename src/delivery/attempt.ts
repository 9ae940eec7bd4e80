/** One attempt: sign the stored bytes with this moment's time, send them inside a span, say what became of it. */
import type { AttemptOutcome } from "../event/attempt-outcome.ts";
import type { Endpoint } from "../event/endpoint.ts";
import type { Claim } from "../outbox/outbox.ts";
import { createSigner, type Signer } from "../signing/sign.ts";
import type { AttemptSpan, Tracing } from "../telemetry/trace-contract.ts";
import type { Transport } from "./transport.ts";

export interface Attempted {
  readonly outcome: AttemptOutcome;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly span: AttemptSpan;
}

export class Sender {
  readonly #endpoint: Endpoint;
  readonly #signer: Signer;
  readonly #fixedHeaders: readonly string[];
  readonly #transport: Transport;
  readonly #tracing: Tracing;
  readonly #now: () => number;

  constructor(endpoint: Endpoint, transport: Transport, tracing: Tracing, now: () => number) {
    this.#endpoint = endpoint;
    this.#signer = createSigner(endpoint.secrets, endpoint.signature);
    this.#fixedHeaders = fixedHeadersOf(endpoint);
    this.#transport = transport;
    this.#tracing = tracing;
    this.#now = now;
  }

  async send(claim: Claim, sameProcess: boolean): Promise<Attempted> {
    const startedAt = this.#now();
    const span = this.#tracing.startAttempt({ claim, endpoint: this.#endpoint, sameProcess });
    const headers = this.#headersOf(claim, Math.floor(startedAt / 1000), span);
    const post = { endpoint: this.#endpoint, headers, body: claim.event.body };
    const outcome = await span.run(() => this.#transport.post(post));
    span.end(outcome);
    return { outcome, startedAt, span };
  }

  #headersOf(claim: Claim, timestamp: number, span: AttemptSpan): string[] {
    const { id, type, body } = claim.event;
    const signatures = this.#signer.sign(id, timestamp, body);
    const seconds = String(timestamp);
    const headers = [
      ...this.#fixedHeaders,
      "X-Mova-Event",
      type,
      "X-Mova-Timestamp",
      seconds,
      "X-Mova-Signature",
      signatures["X-Mova-Signature"],
      "X-Mova-Delivery",
      claim.id,
      "X-Mova-Attempt",
      String(claim.attempt),
      "webhook-id",
      id,
      "webhook-timestamp",
      seconds,
      "webhook-signature",
      signatures["webhook-signature"],
    ];
    if (claim.replay > 0) headers.push("X-Mova-Replay", String(claim.replay));
    if (this.#endpoint.propagateTrace && span.traceparent !== undefined) {
      headers.push("traceparent", span.traceparent);
      if (span.tracestate !== undefined) headers.push("tracestate", span.tracestate);
    }
    return headers;
  }
}

/** The endpoint's own headers come first and may replace our defaults, but nothing that is signed. */
function fixedHeadersOf(endpoint: Endpoint): string[] {
  const defaults = new Map([
    ["content-type", ["Content-Type", "application/json"]],
    ["user-agent", ["User-Agent", "MOVA-SDK/2.2"]],
  ]);
  const own = [...endpoint.headers].flatMap(([name, value]) => [name, value.reveal()]);
  const rest = [...defaults].filter(([name]) => !endpoint.headers.has(name)).flatMap(([, pair]) => pair);
  return [...own, ...rest];
}
