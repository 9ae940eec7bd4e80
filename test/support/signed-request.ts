/** Signs requests as the sender does, for tests of what receives them. */
import { Secret } from "../../src/event/secret.ts";
import type { SignatureAlgorithm } from "../../src/signing/key.ts";
import { createSigner } from "../../src/signing/sign.ts";

export const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/** The time all signed requests are from, unless they say otherwise. */
export const signedAtSeconds = 1_614_265_330;
export const signedAtMs = signedAtSeconds * 1000;

export interface SignedRequestOptions {
  readonly id?: string;
  readonly secret?: string | readonly string[];
  readonly timestamp?: number;
  readonly algorithm?: SignatureAlgorithm;
}

export interface SignedRequest {
  readonly body: Buffer;
  readonly headers: Record<string, string>;
}

/** The body of an event as it stands on the wire. */
export function eventBody(eventType: string, data: unknown = {}): string {
  return JSON.stringify({
    event_type: eventType,
    timestamp: "2021-02-25T15:02:10Z",
    data,
    source: "mova_sdk",
    version: "2.2",
  });
}

/** Signs a body with both header families. */
export function signRequest(body: string | Uint8Array, options: SignedRequestOptions = {}): SignedRequest {
  const { id = "evt_1", secret = testSecret, timestamp = signedAtSeconds, algorithm = "sha256" } = options;
  const bytes = Buffer.from(body);
  const secrets = (typeof secret === "string" ? [secret] : secret).map((text) => new Secret(text));
  const signed = createSigner(secrets, algorithm).sign(id, timestamp, bytes);
  return {
    body: bytes,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signed["webhook-signature"],
      "x-mova-signature": signed["X-Mova-Signature"],
    },
  };
}
