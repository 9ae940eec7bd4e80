/** What makes it doubtful that a secret is meant as it stands: it signs all the same, and others would sign otherwise. */
import type { Secret } from "../event/secret.ts";
import { editDistance } from "../event/nearest-names.ts";

/** HMAC keys below 128 bits can be guessed (RFC 2104 section 3 asks for the hash's length). */
const shortBytes = 16;

export interface SecretDoubt {
  /** Completes the sentence: a secret …. */
  readonly is: string;
  readonly remedy: string;
}

const others = "libraries such as `standardwebhooks` and `svix` decode it as base64";

/** Returns nothing for a secret of `mova-webhooks secret`. Shows none. */
export function doubtsOf(secret: Secret): SecretDoubt[] {
  const text = secret.reveal();
  const doubts: SecretDoubt[] = [];
  if (secret.byteLength < shortBytes) {
    doubts.push({
      is: `has fewer than ${shortBytes} bytes`,
      remedy: "Use one from `mova-webhooks secret`, which makes a good one",
    });
  }
  if (isNearPrefix(text)) {
    doubts.push({
      is: `begins almost as \`whsec_\`, and signs as plain text, where ${others}`,
      remedy: "Write `whsec_` where it is one, with small letters and the underscore",
    });
  } else if (isBareKey(text)) {
    doubts.push({
      is: `looks like the base64 of a \`whsec_\` key without its prefix: it signs as plain text here, where ${others}`,
      remedy: "Put `whsec_` before it where the other side does, and where it verifies with such a library",
    });
  }
  return doubts;
}

function isNearPrefix(text: string): boolean {
  if (text.startsWith("whsec_")) return false;
  const [start, prefix = ""] = /^([a-z]{3,7})(?:[^a-z0-9]|$)/i.exec(text) ?? [];
  if (start === undefined) return /^whsec/i.test(text);
  return editDistance(`${prefix.toLowerCase()}_`, "whsec_") <= 2;
}

/** 24 to 64 bytes, as Standard Webhooks has them, of letters of both kinds and digits: no hexadecimal text, no words. */
function isBareKey(text: string): boolean {
  if (!/^[A-Za-z0-9+/]{32,86}={0,2}$/.test(text) || text.length % 4 !== 0) return false;
  return /[A-Z]/.test(text) && /[a-z]/.test(text) && /[0-9]/.test(text);
}
