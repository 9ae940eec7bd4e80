/** One attempt: sign the stored bytes with this moment's time, send them inside a span, say what became of it. */
import type { Endpoint } from "../../event/endpoint.ts";
import { webhookIdOf } from "../../event/webhook-event.ts";
import type { Claim, Claims } from "../../outbox/outbox.ts";
import { createSigner, type SignatureHeaders, type Signer } from "../../signing/sign.ts";
import type { AttemptSpan, Tracing } from "../../telemetry/trace-contract.ts";
import { unsendable } from "./failure.ts";
import { batchMessageOf } from "./batch-message.ts";
import type { Post, Posted, Transport, Message } from "./transport.ts";

export interface Attempted {
  readonly outcome: Posted;
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

  /** Posts one claim, or for an endpoint with batches any number that are at the same attempt. Never rejects. */
  send(claims: Claims, sameProcess: boolean): Promise<Attempted> {
    const [claim] = claims;
    const startedAt = this.#now();
    const facts = { claim, endpoint: this.#endpoint, sameProcess };
    const inBatch = this.#endpoint.batch !== undefined;
    const span = this.#tracing.startAttempt(inBatch ? { ...facts, batch: claims } : facts);
    function ended(outcome: Posted): Attempted {
      span.end(outcome);
      return { outcome, startedAt, span };
    }
    function failed(error: unknown): Attempted {
      return ended(unsendable(error));
    }
    try {
      const post = this.#postOf(claims, startedAt, span);
      return span.run(() => this.#transport.post(post)).then(ended, failed);
    } catch (error) {
      return Promise.resolve(failed(error));
    }
  }

  /** Throws where there is nothing that could be sent: every secret has expired, or the record is damaged. */
  #postOf(claims: Claims, startedAt: number, span: AttemptSpan): Post {
    const [claim] = claims;
    const message = this.#endpoint.batch === undefined ? messageOf(claim) : batchMessageOf(claims);
    const seconds = Math.floor(startedAt / 1000);
    const signatures = this.#signer.sign(message.id, seconds, message.body);
    const headers = this.#headersOf(message, claim, String(seconds), signatures, span);
    return { endpoint: this.#endpoint, headers, body: message.body };
  }

  #headersOf(
    message: Message,
    claim: Claim,
    seconds: string,
    signatures: SignatureHeaders,
    span: AttemptSpan,
  ): string[] {
    const own = message.headers;
    const headers = [
      "X-Mova-Event",
      message.type,
      "X-Mova-Timestamp",
      seconds,
      "X-Mova-Signature",
      signatures["X-Mova-Signature"],
      "X-Mova-Delivery",
      message.deliveryId,
      "X-Mova-Attempt",
      String(claim.attempt),
      "webhook-id",
      message.id,
      "webhook-timestamp",
      seconds,
      "webhook-signature",
      signatures["webhook-signature"],
    ].concat(own === undefined ? this.#fixedHeaders : fixedHeadersOf(this.#endpoint, own));
    if (claim.replay > 0) headers.push("X-Mova-Replay", String(claim.replay));
    if (this.#endpoint.propagateTrace && span.traceparent !== undefined) {
      headers.push("traceparent", span.traceparent);
      if (span.tracestate !== undefined) headers.push("tracestate", span.tracestate);
    }
    return headers;
  }
}

/**
 * Everything but what is signed: the message's own headers, then the endpoint's, then our defaults; the first of a
 * name holds.
 */
function fixedHeadersOf(endpoint: Endpoint, own: Readonly<Record<string, string>> = {}): string[] {
  const headers = new Map<string, readonly [string, string]>();
  function add(name: string, value: string): void {
    const lower = name.toLowerCase();
    if (!headers.has(lower)) headers.set(lower, [name, value]);
  }
  for (const [name, value] of Object.entries(own)) add(name, value);
  for (const [name, value] of endpoint.headers) add(name, value.reveal());
  for (const [name, value] of defaults) add(name, value);
  return [...headers.values()].flat();
}

const defaults: readonly (readonly [string, string])[] = [
  ["Content-Type", "application/json"],
  ["User-Agent", "MOVA-SDK/2.2"],
  // Some firewalls refuse a request without it.
  ["Accept", "*/*"],
];

function messageOf(claim: Claim): Message {
  const { event, content, id: deliveryId } = claim;
  const { type, body } = event;
  const id = webhookIdOf(event.id);
  return content === undefined ? { id, type, deliveryId, body } : { id, type, deliveryId, ...content };
}
