/** The same request judged by this package and by a published library. */
import { WebhookVerificationError, Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook, WebhookVerificationError as SvixVerificationError } from "svix";
import { Secret } from "../../src/event/secret.ts";
import type { ReceivedHeaders } from "../../src/receiver/received-headers.ts";
import { verifyRequest } from "../../src/receiver/verification.ts";
import { createVerifier } from "../../src/signing/verify.ts";
import { signedAtMs, testSecret } from "./signed-request.ts";

/** `crash` is an exception other than the library's own verification error. */
export type Verdict = "accept" | "reject" | "crash";

export interface JudgedRequest {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
  /** @default the test secret */
  readonly secret?: string;
}

export function ourVerdict({ body, headers, secret = testSecret }: JudgedRequest): Verdict {
  const verifier = createVerifier([new Secret(secret)], "sha256");
  const rules = { verifier, require: "standard", toleranceSeconds: 300, maxBytes: 1_048_576 } as const;
  return verifyRequest(rules, body, headers as ReceivedHeaders, signedAtMs).ok ? "accept" : "reject";
}

/** Judges by the libraries' own clock: set `Date` to `signedAtMs` before. */
export function libraryVerdict(library: "standardwebhooks" | "svix", request: JudgedRequest): Verdict {
  const Webhook = library === "svix" ? SvixWebhook : StandardWebhook;
  try {
    new Webhook(request.secret ?? testSecret).verify(request.body, request.headers as Record<string, string>);
    return "accept";
  } catch (error) {
    return error instanceof WebhookVerificationError || error instanceof SvixVerificationError
      ? "reject"
      : "crash";
  }
}
