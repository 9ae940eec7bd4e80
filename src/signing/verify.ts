/**
 * Verifies received signatures: our own is computed from the bytes, and the two texts are compared.
 *
 * Texts, not decoded bytes: base64 and hex decoders accept many spellings of one signature.
 */
import { timingSafeEqual } from "node:crypto";
import { WebhookError } from "../event/errors.ts";
import type { Secret } from "../event/secret.ts";
import { createSigningKey, type SignatureAlgorithm } from "./key.ts";
import { movaSignature, standardSignature } from "./sign.ts";

/** Room for some forty signatures: nobody has more secrets active, and a longer list is work for nothing. */
const maxSignatureCharacters = 2048;

export interface Verifier {
  /** Checks `X-Mova-Signature` against every secret. */
  verifyMova(body: Uint8Array, signature: string): boolean;
  /** Checks `webhook-signature`, a space-separated list, against every secret. Id and timestamp are texts as sent. */
  verifyStandard(id: string, timestamp: string, body: Uint8Array, signatures: string): boolean;
}

/** Builds the keys of a receiver's secrets. Throws SECRET_INVALID. */
export function createVerifier(secrets: readonly Secret[], algorithm: SignatureAlgorithm): Verifier {
  const keys = secrets.map(createSigningKey);
  if (keys.length === 0) throw new WebhookError("SECRET_INVALID", "There is no secret to verify with");
  return {
    verifyMova(body, signature) {
      const received = Buffer.from(signature);
      return keys.some((key) => sameText(received, movaSignature(key, algorithm, body)));
    },
    verifyStandard(id, timestamp, body, signatures) {
      if (signatures.length > maxSignatureCharacters) return false;
      const candidates = signatures.split(" ").map((candidate) => Buffer.from(candidate));
      return keys.some((key) => {
        const expected = standardSignature(key, `${id}.${timestamp}.`, body);
        return candidates.some((candidate) => sameText(candidate, expected));
      });
    },
  };
}

function sameText(received: Buffer, expected: string): boolean {
  const wanted = Buffer.from(expected);
  return received.length === wanted.length && timingSafeEqual(received, wanted);
}
