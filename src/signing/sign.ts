/** Signs a body: what the original's receivers check, and what every Standard Webhooks library checks. */
import { createHmac } from "node:crypto";
import { WebhookError } from "../event/errors.ts";
import type { Secret } from "../event/secret.ts";
import { createSigningKey, type SignatureAlgorithm, type SigningKey } from "./key.ts";

export interface SignatureHeaders {
  readonly "X-Mova-Signature": string;
  readonly "webhook-signature": string;
}

export interface Signer {
  /**
   * Signs with the secrets that have not expired at that time; SECRET_INVALID where none is left. Throws
   * EVENT_ID_INVALID or TIMESTAMP_INVALID where a `.` could move a boundary of the signed text.
   */
  sign(eventId: string, timestampSeconds: number, body: Uint8Array): SignatureHeaders;
}

/** Builds the keys of an endpoint's secrets; the first active one signs `X-Mova-Signature`. Throws SECRET_INVALID. */
export function createSigner(secrets: readonly Secret[], algorithm: SignatureAlgorithm): Signer {
  const dated = secrets.map((secret) => ({
    key: createSigningKey(secret),
    until: secret.expiresAt ?? Number.POSITIVE_INFINITY,
  }));
  if (dated.length === 0) throw new WebhookError("SECRET_INVALID", "There is no secret to sign with");

  return {
    sign(eventId, timestampSeconds, body) {
      if (eventId === "" || eventId.includes(".")) {
        throw new WebhookError(
          "EVENT_ID_INVALID",
          "Expected the id to sign to be without a dot and not empty",
        );
      }
      if (!Number.isSafeInteger(timestampSeconds) || timestampSeconds < 0) {
        throw new WebhookError(
          "TIMESTAMP_INVALID",
          "Expected the timestamp to sign to be whole Unix seconds",
        );
      }
      const active = dated.filter(({ until }) => timestampSeconds * 1000 < until);
      const [first] = active;
      if (first === undefined) throw new WebhookError("SECRET_INVALID", "Every secret has expired");
      const prefix = `${eventId}.${timestampSeconds}.`;
      return {
        "X-Mova-Signature": movaSignature(first.key, algorithm, body),
        "webhook-signature": active.map(({ key }) => standardSignature(key, prefix, body)).join(" "),
      };
    },
  };
}

/** Writes the hex HMAC of the body bytes, as `X-Mova-Signature` has it. */
export function movaSignature(key: SigningKey, algorithm: SignatureAlgorithm, body: Uint8Array): string {
  return createHmac(algorithm, key.mova).update(body).digest("hex");
}

/** Writes one `v1,…` entry of `webhook-signature`; `prefix` is `id.timestamp.` as sent. */
export function standardSignature(key: SigningKey, prefix: string, body: Uint8Array): string {
  return `v1,${createHmac("sha256", key.standard).update(prefix).update(body).digest("base64")}`;
}
