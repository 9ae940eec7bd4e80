/** Receives webhooks: verifies, recognises duplicates, calls the handlers, and says what came of it. */
/// <reference types="node" preserve="true" />
import { type Logger, silentLogger } from "../event/logger.ts";
import { Secret } from "../event/secret.ts";
import type { WebhookEvent } from "../event/webhook-event.ts";
import { check } from "../settings/check.ts";
import { receiver } from "../settings/receiver.ts";
import type { Setting } from "../settings/setting.ts";
import { createSigningKey, type SignatureAlgorithm } from "../signing/key.ts";
import { movaSignature } from "../signing/sign.ts";
import { createVerifier } from "../signing/verify.ts";
import { carefulLogger } from "../event/careful-logger.ts";
import { memoryStore } from "./dedupe-memory.ts";
import type { DedupeClaim, DedupeStore, HeldClaim } from "./dedupe-store.ts";
import { Handlers, type WebhookHandler } from "./handlers.ts";
import { type RawBody, rawBytes } from "./raw-body.ts";
import { type ReceiveResult, type Refused, refuse } from "./receive-result.ts";
import { type ReceivedHeaders, headerReader } from "./received-headers.ts";
import { type ReceivedEvent, readEvent } from "./received-event.ts";
import { handleInTrace } from "./trace.ts";
import {
  bodyId,
  judgeHeaders,
  type RequiredSignature,
  type VerificationRules,
  verifyRequest,
} from "./verification.ts";
import { wallNow } from "../time/timers.ts";

export { type MemoryStoreOptions, memoryStore } from "./dedupe-memory.ts";
export { type RedisCommands, type RedisStoreOptions, redisStore } from "./dedupe-redis.ts";
export type { DedupeClaim, DedupeOptions, DedupeStore, HeldClaim } from "./dedupe-store.ts";
export type { WebhookHandler } from "./handlers.ts";
export type { RawBody } from "./raw-body.ts";
export type { ReceivedEvent } from "./received-event.ts";
export type { Received, ReceiveResult, RefusalCode, Refused } from "./receive-result.ts";
export type { ReceivedHeaders } from "./received-headers.ts";
export type { RequiredSignature } from "./verification.ts";

export interface WebhookReceiverOptions {
  /** Several while one is being rotated: a signature of any of them is good. */
  readonly secret: string | readonly string[];
  /** Which signature a request must carry. @default "standard" */
  readonly require?: RequiredSignature;
  /** Hash of `X-Mova-Signature`; only this one is accepted. @default "sha256" */
  readonly signature?: SignatureAlgorithm;
  /** Seconds that `webhook-timestamp` may differ from now, either way. @default 300 */
  readonly tolerance?: number;
  /** Larger bodies are refused before anything is computed from them. @default 1048576 */
  readonly maxBytes?: number;
  /** Remembers handled events. @default a store in memory */
  readonly store?: DedupeStore;
  /** Gets what handlers and the store throw. @default says nothing */
  readonly logger?: Logger;
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
}

/** A request that is genuine: either handled before, or claimed until `handle` has run, which must be called. */
export interface Accepted {
  readonly ok: true;
  readonly event: WebhookEvent;
  readonly duplicate: boolean;
  /** Runs the handlers and keeps or releases the claim. Never rejects. */
  handle(): Promise<ReceiveResult>;
}

export class WebhookReceiver {
  readonly maxBytes: number;
  readonly #secrets: readonly Secret[];
  readonly #rules: VerificationRules;
  readonly #store: DedupeStore;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #handlers = new Handlers();

  /** Takes options, or the secret alone. Throws SECRET_INVALID or CONFIG_INVALID. */
  constructor(options: WebhookReceiverOptions | string) {
    const given = checkOptions(typeof options === "string" ? { secret: options } : options);
    const {
      secret,
      require = fields.require.default,
      signature = fields.signature.default,
      tolerance = fields.tolerance.default,
      maxBytes = fields.maxBytes.default,
    } = given;
    this.maxBytes = maxBytes;
    this.#secrets = secretsOf(secret);
    this.#rules = {
      verifier: createVerifier(this.#secrets, signature),
      require,
      toleranceSeconds: tolerance,
      maxBytes,
    };
    this.#now = given.now ?? wallNow;
    this.#store = given.store ?? memoryStore({ now: this.#now });
    this.#logger = carefulLogger(given.logger ?? silentLogger);
  }

  /** Returns the first secret, for `generateSignature`. Not enumerable, so that printing a receiver does not show it. */
  get secret(): string {
    return this.#secrets[0]?.reveal() ?? "";
  }

  /** Calls `handler` for an exact type, `prefix.*` or `*`; `Data` is the caller's claim. Returns what removes it again. */
  addHandler<Data = unknown>(type: string, handler: WebhookHandler<Data>): () => void {
    return this.#handlers.add(type, handler as WebhookHandler);
  }

  /** Tells whether an `X-Mova-Signature` belongs to a payload, under any of the secrets. Knows of no age and no repetition. */
  verifySignature(payload: RawBody, signature: string | null | undefined): boolean {
    const body = rawBytes(payload, this.maxBytes);
    return body.ok && typeof signature === "string" && this.#rules.verifier.verifyMova(body.bytes, signature);
  }

  /** Makes the `X-Mova-Signature` of a payload. */
  generateSignature(
    payload: string | Uint8Array,
    secret: string,
    algorithm: SignatureAlgorithm = "sha256",
  ): string {
    return movaSignature(createSigningKey(new Secret(secret)), algorithm, Buffer.from(payload));
  }

  /**
   * Verifies an `X-Mova-Signature` and calls the handlers, as the original does: without freshness and without
   * recognising duplicates, for which there is `receive`. True when every handler is done.
   */
  async handleWebhook(
    payload: RawBody,
    signature: string | null | undefined,
    eventType?: string,
  ): Promise<boolean> {
    const result = await this.#handlePayload(payload, signature, eventType);
    if (!result.ok) this.#logger.warn({ code: result.code, reason: result.message }, "webhook refused");
    return result.ok;
  }

  /** Verifies a request, calls the handlers unless the event was handled before, and waits for them. Never rejects. */
  async receive(rawBody: RawBody, headers: ReceivedHeaders): Promise<ReceiveResult> {
    const accepted = await this.accept(rawBody, headers);
    return accepted.ok ? accepted.handle() : accepted;
  }

  /** Refuses what its headers alone give reason to, for adapters that need not read such a body. Never throws. */
  judgeHeaders(headers: ReceivedHeaders): Refused | undefined {
    return judgeHeaders(this.#rules, headers, this.#now());
  }

  /** Refuses a body that did not come to its end, for adapters. Its sender went away, which is no error of ours. */
  refuseIncomplete(detail: string): Refused {
    this.#logger.debug({ reason: detail }, "webhook broke off");
    return refuse("BODY_INCOMPLETE", detail);
  }

  /** Does the first half of `receive`, for adapters that answer 202 while slow handlers run. Never rejects. */
  async accept(rawBody: RawBody, headers: ReceivedHeaders): Promise<Accepted | Refused> {
    const nowMs = this.#now();
    const verified = verifyRequest(this.#rules, rawBody, headers, nowMs);
    if (!verified.ok) return verified;
    const read = readEvent(verified.bytes, { id: verified.id, nowMs, header: headerReader(headers) });
    if (!read.ok) return read;
    const { event, events } = read;

    let claim: DedupeClaim;
    try {
      claim = await this.#store.claim(event.id, verified.replayableUntilMs);
    } catch (error) {
      this.#logger.error({ err: error, eventId: event.id }, "dedupe store failed");
      return refuse("STORE_UNAVAILABLE", "The receiver cannot tell whether it has handled this event", error);
    }
    if (claim.state === "busy") return refuse("EVENT_IN_PROGRESS", "This event is being handled");
    if (claim.state === "done")
      return { ok: true, event, duplicate: true, handle: async () => ({ ok: true, event, duplicate: true }) };
    const held = claim;
    const handle = () =>
      handleInTrace(headerReader(headers), event, () => this.#handleClaimed(event, events, held));
    return { ok: true, event, duplicate: false, handle };
  }

  async #handlePayload(
    payload: RawBody,
    signature: string | null | undefined,
    eventType?: string,
  ): Promise<ReceiveResult> {
    const body = rawBytes(payload, this.maxBytes);
    if (!body.ok) return body;
    if (!this.verifySignature(body.bytes, signature))
      return refuse("SIGNATURE_INVALID", "The `X-Mova-Signature` does not match");
    const read = readEvent(body.bytes, { id: bodyId(body.bytes), nowMs: this.#now(), eventType });
    return read.ok ? this.#runHandlers(read.event, read.events) : read;
  }

  async #handleClaimed(
    event: ReceivedEvent,
    events: readonly ReceivedEvent[],
    claim: HeldClaim,
  ): Promise<ReceiveResult> {
    const result = await this.#runHandlers(event, events);
    try {
      await (result.ok ? claim.complete() : claim.release());
    } catch (error) {
      // The lease runs out by itself; until then the event is busy, after that it may be handled once more.
      this.#logger.error({ err: error, eventId: event.id }, "dedupe store failed");
    }
    return result;
  }

  async #runHandlers(event: ReceivedEvent, events: readonly ReceivedEvent[]): Promise<ReceiveResult> {
    const errors = (await Promise.all(events.map((each) => this.#handlers.run(each)))).flat();
    if (errors.length === 0) return { ok: true, event, duplicate: false };
    for (const error of errors) {
      this.#logger.error(
        { err: error, eventId: event.id, eventType: event.event_type },
        "webhook handler failed",
      );
    }
    const cause = errors.length === 1 ? errors[0] : new AggregateError(errors);
    return refuse("HANDLER_FAILED", `${errors.length} handler(s) of this event failed`, cause);
  }
}

/** Each option has its declaration. */
const fields = receiver.fields satisfies {
  readonly [Name in keyof WebhookReceiverOptions]-?: Setting<unknown>;
};

function checkOptions(options: WebhookReceiverOptions): WebhookReceiverOptions {
  return check("the receiver", receiver, options) as WebhookReceiverOptions;
}

function secretsOf(secret: string | readonly string[]): Secret[] {
  return [secret].flat().map((text) => new Secret(text));
}
