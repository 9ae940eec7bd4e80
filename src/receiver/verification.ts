/** Decides whether a request is genuine, fresh and whole, before anything in its body is believed. */
import { createHash } from "node:crypto";
import type { Verifier } from "../signing/verify.ts";
import { rawBytes, tooLarge } from "./raw-body.ts";
import { type Refused, refuse } from "./receive-result.ts";
import { type HeaderReader, headerReader } from "./received-headers.ts";

/**
 * Which signature a request must carry. Others are not looked at, so that leaving out a stronger one gains nothing.
 *
 * `standard` (`webhook-*`) signs id, time and body. `mova` (`X-Mova-Signature`) signs the body alone: no id and no time,
 * so that a captured request stays valid for as long as the secret. `both` wants both.
 */
export type RequiredSignature = "standard" | "mova" | "both";

export interface VerificationRules {
  readonly verifier: Verifier;
  readonly require: RequiredSignature;
  readonly toleranceSeconds: number;
  readonly maxBytes: number;
}

export interface Verified {
  readonly ok: true;
  /** Signed, and therefore fit to recognise a duplicate by. */
  readonly id: string;
  readonly bytes: Buffer;
  /** Until then, in Unix milliseconds, the same request would be genuine again; undefined where it bears no time. */
  readonly replayableUntilMs?: number;
}

/** Visible ASCII without the dot, which would let a boundary of the signed text move. */
const idForm = /^[!-\-/-~]{1,256}$/;

/** Unix seconds in their one spelling; milliseconds are a digit too long. */
const timestampForm = /^(0|[1-9][0-9]{0,11})$/;

interface SignedHeaders {
  readonly ok: true;
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly family: "webhook" | "svix";
}

/** Refuses what no body can make good, before one is read. */
export function judgeHeaders(rules: VerificationRules, headers: unknown, nowMs: number): Refused | undefined {
  const read = headerReader(headers);
  if (Number(read("content-length") ?? 0) > rules.maxBytes) return tooLarge(rules.maxBytes);
  const unreadable = checkContent(read);
  if (unreadable !== undefined) return unreadable;
  const standard = rules.require === "mova" ? undefined : readStandard(rules, read, nowMs);
  if (standard?.ok === false) return standard;
  return rules.require === "standard" || read("x-mova-signature") ? undefined : movaMissing();
}

export function verifyRequest(
  rules: VerificationRules,
  rawBody: unknown,
  headers: unknown,
  nowMs: number,
): Verified | Refused {
  const read = headerReader(headers);
  const body = rawBytes(rawBody, rules.maxBytes);
  if (!body.ok) return body;
  const unreadable = checkContent(read);
  if (unreadable !== undefined) return unreadable;

  if (rules.require === "mova") return verifyMova(rules, read, body.bytes);
  const standard = verifyStandard(rules, read, body.bytes, nowMs);
  if (!standard.ok || rules.require === "standard") return standard;
  const mova = verifyMova(rules, read, body.bytes);
  return mova.ok ? standard : mova;
}

/** Names a body by its own bytes: the only signed thing that `X-Mova-Signature` leaves to tell events apart by. */
export function bodyId(bytes: Uint8Array): string {
  return `body_${createHash("sha256").update(bytes).digest("hex").slice(0, 40)}`;
}

/** The signature covers the bytes before any content coding, and a form or a text is no event. */
function checkContent(read: HeaderReader): Refused | undefined {
  const encoding = read("content-encoding");
  if (encoding === null || (encoding !== undefined && encoding.trim().toLowerCase() !== "identity")) {
    return refuse("BODY_ENCODED", "The request has a content-encoding");
  }
  const type = read("content-type");
  if (type === undefined) return undefined;
  const media = type?.split(";", 1)[0]?.trim().toLowerCase();
  if (media === "application/json" || (media?.startsWith("application/") && media.endsWith("+json")))
    return undefined;
  return refuse("BODY_ENCODED", "The request's content type is not JSON");
}

function readStandard(rules: VerificationRules, read: HeaderReader, nowMs: number): SignedHeaders | Refused {
  const family = familyOf(read);
  const names = signedParts.map((part) => `${family}-${part}`);
  const [id, timestamp, signature] = names.map(read);
  if (!id || !timestamp || !signature) return standardMissing(read, names);
  if (!timestampForm.test(timestamp))
    return refuse("TIMESTAMP_INVALID", `The \`${family}-timestamp\` is not Unix seconds`);
  const aheadSeconds = Number(timestamp) - Math.floor(nowMs / 1000);
  if (Math.abs(aheadSeconds) > rules.toleranceSeconds) {
    const detail = `The \`${family}-timestamp\` is more than ${rules.toleranceSeconds} s in the ${aheadSeconds < 0 ? "past" : "future"}`;
    return refuse("TIMESTAMP_EXPIRED", detail);
  }
  if (!idForm.test(id)) {
    return refuse(
      "SIGNATURE_INVALID",
      `The \`${family}-id\` has a dot, a space or another character that an id cannot have`,
    );
  }
  return { ok: true, id, timestamp, signature, family };
}

const signedParts = ["id", "timestamp", "signature"] as const;

/** Two names for the same three headers, which are never mixed: where one of the first is there, the others are not read. */
function familyOf(read: HeaderReader): "webhook" | "svix" {
  const isThere = (family: string): boolean =>
    signedParts.some((part) => read(`${family}-${part}`) !== undefined);
  return !isThere("webhook") && isThere("svix") ? "svix" : "webhook";
}

function standardMissing(read: HeaderReader, names: readonly string[]): Refused {
  const repeated = names.find((name) => read(name) === null);
  if (repeated !== undefined)
    return refuse(
      "HEADERS_MISSING",
      `Expected one \`${repeated}\`, got a list or another value that is no text`,
    );
  const [id, timestamp, signature] = names;
  const hint = read("x-mova-signature")
    ? '; an `X-Mova-Signature` alone is enough only with `require: "mova"`'
    : "";
  return refuse(
    "HEADERS_MISSING",
    `Expected one \`${id}\`, one \`${timestamp}\` and one \`${signature}\`${hint}`,
  );
}

function verifyStandard(
  rules: VerificationRules,
  read: HeaderReader,
  bytes: Buffer,
  nowMs: number,
): Verified | Refused {
  const signed = readStandard(rules, read, nowMs);
  if (!signed.ok) return signed;
  const { id, timestamp, signature, family } = signed;
  if (!rules.verifier.verifyStandard(id, timestamp, bytes, signature)) {
    return refuse("SIGNATURE_INVALID", `No entry of \`${family}-signature\` matches`);
  }
  return { ok: true, id, bytes, replayableUntilMs: (Number(timestamp) + rules.toleranceSeconds + 1) * 1000 };
}

function verifyMova(rules: VerificationRules, read: HeaderReader, bytes: Buffer): Verified | Refused {
  const signature = read("x-mova-signature");
  if (!signature) return movaMissing();
  if (!rules.verifier.verifyMova(bytes, signature))
    return refuse("SIGNATURE_INVALID", "The `X-Mova-Signature` does not match");
  return { ok: true, id: bodyId(bytes), bytes };
}

function movaMissing(): Refused {
  return refuse("HEADERS_MISSING", "Expected one `X-Mova-Signature`");
}
