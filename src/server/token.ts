/** The bearer token: its form, and how a request's is compared with it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { WebhookError } from "../event/errors.ts";

const minLength = 16;

/** Throws CONFIG_INVALID for one that a header cannot carry, or that is too short to withstand guessing. */
export function checkTokenForm(token: string): void {
  if (token.length >= minLength && /^[\x21-\x7e]+$/.test(token)) return;
  const detail = `Expected the server's \`token\`, which MOVA_WEBHOOK_TOKEN may give, to be at least ${minLength} visible ASCII characters; \`mova-webhooks secret\` makes a good one`;
  throw new WebhookError("CONFIG_INVALID", detail);
}

/** Returns a function that compares an `Authorization` header with the token; how long that takes tells nothing about the token. */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const wanted = digest(token);
  return function bearsToken(authorization) {
    const [, given] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    return given !== undefined && timingSafeEqual(digest(given), wanted);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
