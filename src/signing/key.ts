/** Turns a secret into the keys it signs with, once, because building a key costs as much as using it. */
import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { WebhookError } from "../event/errors.ts";
import type { Secret } from "../event/secret.ts";

const webhookSecretPrefix = "whsec_";

/** Which hash `X-Mova-Signature` is made with. */
export type SignatureAlgorithm = "sha256" | "sha1";

export interface SigningKey {
  /** Signs `X-Mova-Signature`: the secret's UTF-8 bytes, prefix and all, as the original does. */
  readonly mova: KeyObject;
  /** Signs `webhook-signature`: what a `whsec_` secret encodes, or the UTF-8 bytes of any other. */
  readonly standard: KeyObject;
}

/** Throws SECRET_INVALID for a secret that cannot sign, without showing it. */
export function createSigningKey(secret: Secret): SigningKey {
  const text = secret.reveal();
  if (text.trim() === "") throw new WebhookError("SECRET_INVALID", "A secret is empty");
  if (/^wh[sp]k_/.test(text)) {
    const detail =
      "A secret is an ed25519 key (`whsk_`, `whpk_`), which signs another scheme; a public one is no secret";
    throw new WebhookError("SECRET_INVALID", detail);
  }
  const mova = createSecretKey(text, "utf8");
  return { mova, standard: text.startsWith(webhookSecretPrefix) ? decodedKey(text) : mova };
}

/** Makes a secret of 32 random bytes in the Standard Webhooks form. */
export function generateSecret(): string {
  return webhookSecretPrefix + randomBytes(32).toString("base64");
}

/** Node's decoder skips what is not base64, so that a typing error would sign with a shorter key: checked here. */
function decodedKey(text: string): KeyObject {
  const encoded = text.slice(webhookSecretPrefix.length).replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/]+$/.test(encoded) || encoded.length % 4 === 1) {
    const isOfUrls = /[-_]/.test(encoded) && /^[\w-]+$/.test(encoded);
    const what = isOfUrls ? "base64 of URLs: write + for - and / for _" : "not base64";
    throw new WebhookError("SECRET_INVALID", `What follows \`whsec_\` in a secret is ${what}`);
  }
  return createSecretKey(encoded, "base64");
}
