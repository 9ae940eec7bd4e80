/** The corpus of bad signatures, case by case, through verification and through the whole receiver. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Secret } from "../../src/event/secret.ts";
import { type ReceivedHeaders, WebhookReceiver } from "../../src/receiver/receiver.ts";
import { verifyRequest } from "../../src/receiver/verification.ts";
import { createVerifier } from "../../src/signing/verify.ts";
import { eventBody, signedAtMs, signRequest } from "../support/signed-request.ts";

interface Case {
  readonly name: string;
  readonly expect: "accept" | "reject" | "verify-ok-then-handle";
  readonly headers: Record<string, unknown>;
  readonly headerRepeat?: Record<string, { unit: string; times: number; join: string }>;
  readonly body?: string;
  readonly bodyBase64?: string;
  readonly bodyRepeat?: { open: string; close: string; times: number };
  readonly now?: number;
  readonly replay?: boolean;
}
interface Corpus {
  readonly secret: string;
  readonly now: number;
  readonly tolerance: number;
  readonly cases: readonly Case[];
}

const corpus = JSON.parse(
  readFileSync(new URL("../fixtures/bad-signatures.json", import.meta.url), "utf8"),
) as Corpus;

/**
 * Rejected by the receiver after their signature was found good; the corpus allows it (`expectAlt`).
 *
 * - boundary shift: `a` + `.` + time + `.` + body is one text, however it is cut. The sender refuses ids with a dot, so
 *   that nobody signs such a text; here the shifted body is no JSON object.
 * - invalid UTF-8: the bytes are those that were signed, and are no event: `verify-ok-then-400`.
 *
 * For the third kind of `expectAlt`, an array for one header, the receiver rejects; the adapters hand on what Node and
 * fetch made of repeated headers, which is one text.
 */
const verifiedThenRejected = new Set([
  'boundary shift: id "a.b", ts moved into the body',
  "body invalid UTF-8 but correctly signed",
]);

/** A repetition has a good signature; that it is one only a receiver with a store can tell. */
const verifiedThenDuplicate = new Set(["replay of the same id inside the window"]);

function bodyOf(one: Case): Buffer {
  if (one.bodyBase64 !== undefined) return Buffer.from(one.bodyBase64, "base64");
  if (one.bodyRepeat) {
    const { open, close, times } = one.bodyRepeat;
    return Buffer.from(open.repeat(times) + close.repeat(times));
  }
  return Buffer.from(one.body ?? "");
}

function headersOf(one: Case): ReceivedHeaders {
  const repeated = Object.entries(one.headerRepeat ?? {}).map(([name, { unit, times, join }]) => [
    name,
    Array.from({ length: times }, () => unit).join(join),
  ]);
  return { ...one.headers, ...Object.fromEntries(repeated) } as ReceivedHeaders;
}

describe("verification of the corpus", () => {
  const verifier = createVerifier([new Secret(corpus.secret)], "sha256");
  const rules = {
    verifier,
    require: "standard",
    toleranceSeconds: corpus.tolerance,
    maxBytes: 1_048_576,
  } as const;

  it.each(corpus.cases)("$expect: $name", (one) => {
    const good =
      one.expect !== "reject" || verifiedThenRejected.has(one.name) || verifiedThenDuplicate.has(one.name);
    const verdict = verifyRequest(rules, bodyOf(one), headersOf(one), (one.now ?? corpus.now) * 1000);
    expect(verdict.ok).toBe(good);
  });
});

describe("receiving the corpus", () => {
  it.each(corpus.cases.filter((one) => !verifiedThenDuplicate.has(one.name)))(
    "$expect: $name",
    async (one) => {
      const receiver = new WebhookReceiver({
        secret: corpus.secret,
        tolerance: corpus.tolerance,
        now: () => (one.now ?? corpus.now) * 1000,
      });
      const seen: unknown[] = [];
      receiver.addHandler("*", (data) => seen.push(data));
      const result = await receiver.receive(bodyOf(one), headersOf(one));
      // No case is an event, so that none is handled: a genuine one is refused for its body, the others for what they are.
      expect(seen).toEqual([]);
      if (result.ok) throw new Error("nothing in the corpus is an event");
      expect(result.status).toBeLessThan(500);
      expect(result.code === "BODY_INVALID").toBe(
        one.expect !== "reject" || verifiedThenRejected.has(one.name),
      );
      expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
    },
  );

  it("answers a repetition inside the window as a duplicate and does not handle it", async () => {
    const receiver = new WebhookReceiver({ secret: corpus.secret, now: () => signedAtMs });
    let handled = 0;
    receiver.addHandler("*", () => (handled += 1));
    const { body, headers } = signRequest(eventBody("cache.updated"));
    expect(await receiver.receive(body, headers)).toMatchObject({ ok: true, duplicate: false });
    expect(await receiver.receive(body, headers)).toMatchObject({ ok: true, duplicate: true });
    expect(handled).toBe(1);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "finds no handler in Object.prototype for %s",
    async (type) => {
      const receiver = new WebhookReceiver({ secret: corpus.secret, now: () => signedAtMs });
      const types: string[] = [];
      receiver.addHandler("*", (_data, event) => types.push(event.event_type));
      const { body, headers } = signRequest(
        `{"__proto__":{"isAdmin":true},"event_type":"${type}","data":{"__proto__":{"isAdmin":true}}}`,
      );
      expect(await receiver.receive(body, headers)).toMatchObject({ ok: true });
      expect(types).toEqual([type]);
      expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
    },
  );
});
